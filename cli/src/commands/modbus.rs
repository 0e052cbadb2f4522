//! `fleetctl modbus`.

use clap::{Args, Subcommand};
use fleet_proto::pb;
use fleet_proto::pb::gateway_config_spec::{DataType, Order};
use fleet_proto::reflect;
use serde_json::json;

use super::print_all;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::{Column, column};
use crate::{targets, times};

/// Talk to Modbus slaves over the same connections as polling
#[derive(Debug, Subcommand)]
pub enum Modbus {
    Read(Read),
}

/// Read registers once, without storing them
#[derive(Args, Debug)]
pub struct Read {
    /// Device that fleetd reaches: device/NAME or its uid
    #[arg(required_unless_present = "host", conflicts_with = "host")]
    device: Option<String>,
    /// Instead of a device: host name or address, with :port (502 unless said)
    #[arg(long, value_name = "HOST[:PORT]")]
    host: Option<String>,
    /// A register of the device's configuration, read as it says
    #[arg(long, value_name = "LABEL", default_value = "", hide_default_value = true, conflicts_with_all = ["address", "host"])]
    label: String,
    /// Wire address, zero-based; 0x… is hexadecimal
    #[arg(long, value_name = "ADDRESS", value_parser = address, required_unless_present = "label")]
    address: Option<u32>,
    /// 1 coils, 2 discrete inputs, 3 holding registers, 4 input registers
    #[arg(long, value_name = "CODE", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=4))]
    function: u32,
    /// Values to read, one after the other
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    count: u32,
    /// How registers are read: uint16, int32, float32, string, …
    #[arg(long = "type", value_name = "TYPE", default_value = "", hide_default_value = true)]
    data_type: String,
    /// Registers of one string or bcd value
    #[arg(long, value_name = "COUNT", default_value_t = 0, hide_default_value = true)]
    registers: u32,
    /// The least significant byte of a register comes first
    #[arg(long)]
    little_bytes: bool,
    /// The least significant register comes first
    #[arg(long)]
    little_words: bool,
    /// Address of the slave
    #[arg(long, value_name = "ID")]
    slave: Option<u32>,
    /// Bus of the device's configuration
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    bus: String,
    /// How long the slave may take
    #[arg(long, value_name = "TIME")]
    patience: Option<String>,
}

fn address(text: &str) -> std::result::Result<u32, String> {
    let parsed = text
        .strip_prefix("0x")
        .map_or_else(|| text.parse(), |digits| u32::from_str_radix(digits, 16));
    parsed
        .ok()
        .filter(|address| *address <= 65_535)
        .ok_or_else(|| format!("`{text}` is no address from 0 to 65535"))
}

/// `host`, `host:port`, `[address]:port`, or an IPv6 address by itself; port 0: the usual one.
fn endpoint(text: &str) -> Result<(String, u32)> {
    let is_bare_ipv6 = text.parse::<std::net::Ipv6Addr>().is_ok();
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !is_bare_ipv6 => (host, port),
        _ => (text, "0"),
    };
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    match port.parse::<u16>() {
        Ok(port) if !host.is_empty() => Ok((host.to_owned(), port.into())),
        _ => Err(Error::usage(
            format!("`{text}` is no endpoint"),
            "write HOST, HOST:PORT or [IPV6]:PORT",
        )),
    }
}

pub(super) async fn run(cx: &mut Context, args: Modbus) -> Result<Exit> {
    let Modbus::Read(args) = args;
    let data_type = match args.data_type.as_str() {
        "" => DataType::Unspecified as i32,
        word => {
            let words = reflect::pool().get_enum_by_name("fleet.v1.GatewayConfigSpec.DataType");
            words
                .as_ref()
                .and_then(|words| reflect::enum_number(words, word))
                .ok_or_else(|| {
                    let known = words
                        .iter()
                        .flat_map(reflect::enum_words)
                        .map(|(word, _)| word)
                        .collect::<Vec<_>>()
                        .join(", ");
                    Error::usage(format!("`{word}` is no data type"), format!("known are {known}"))
                })?
        }
    };
    let (host, port) = args.host.as_deref().map_or(Ok((String::new(), 0)), endpoint)?;
    let device = args.device.as_deref().map_or(Ok(String::new()), targets::device)?;
    let order = |little| if little { Order::Little } else { Order::Big } as i32;
    let patience = args
        .patience
        .as_deref()
        .map_or(Ok(0), times::parse_duration)
        .map_err(|message| Error::usage(message, ""))?;
    let wanted = pb::ModbusReadRequest {
        org: if host.is_empty() {
            cx.org().await?
        } else {
            String::new()
        },
        device,
        host,
        port,
        bus: args.bus,
        slave_id: args.slave,
        function_code: args.function,
        address: args.address,
        count: args.count,
        data_type,
        byte_order: order(args.little_bytes),
        word_order: order(args.little_words),
        num_registers: args.registers,
        label: args.label,
        timeout_ms: u32::try_from(patience / 1_000).unwrap_or(u32::MAX),
    };
    let mut client = cx.modbus().await?;
    let answer = cx.within(client.read(wanted)).await?;
    let records = answer.values.iter().map(|value| {
        let raw = value.raw.iter().map(|word| format!("{word:04x}")).collect::<Vec<_>>().join(" ");
        json!({"address": value.address, "label": value.label, "value": value.value, "text": value.text, "unit": value.unit, "raw": raw})
    });
    let columns = vec![
        column("ADDRESS", ".address"),
        column("LABEL", ".label"),
        column("VALUE", ".value"),
        column("TEXT", ".text"),
        column("UNIT", ".unit"),
        Column {
            title: "RAW".into(),
            path: ".raw".into(),
            wide: false,
        },
    ];
    print_all(
        cx,
        columns,
        |record| record["address"].to_string(),
        records.collect::<Vec<_>>(),
    )?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_and_addresses() {
        for (text, host, port) in [
            ("meter", "meter", 0),
            ("10.0.0.7:1502", "10.0.0.7", 1502),
            ("::1", "::1", 0),
            ("[::1]:1502", "::1", 1502),
        ] {
            assert_eq!(endpoint(text).unwrap(), (host.to_owned(), port), "{text}");
        }
        for wrong in ["", ":502", "meter:modbus", "meter:70000"] {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
        assert_eq!(address("0x1F"), Ok(31));
        assert_eq!(address("65535"), Ok(65_535));
        for wrong in ["65536", "-1", "0x", "ten"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
