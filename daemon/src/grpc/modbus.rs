//! `ModbusService`: reads through the same bus that polling uses.

use std::time::Instant;

use fleet_proto::pb;
use fleet_proto::pb::gateway_config_spec::{DataType, Order};
use fleet_proto::pb::modbus_read_response::Value as Told;
use fleet_proto::pb::modbus_service_server::ModbusService;
use tonic::{Request, Response, Status};

use super::gate;
use crate::domain::kinds::gateway_config::{Register, width};
use crate::domain::modbus::value::decode;
use crate::domain::telemetry::Value;
use crate::modbus::bus::Read;
use crate::modbus::{Buses, Endpoint, ReadError};
use crate::services::polling::{self, Place};
use crate::services::resources::Resources;
use crate::services::{Error, Result as Done};

pub(super) struct Door {
    resources: Resources,
    buses: Buses,
}

impl Door {
    pub(super) fn new(resources: Resources, buses: Buses) -> Self {
        Self { resources, buses }
    }

    async fn read_once(&self, place: Place, wanted: &pb::ModbusReadRequest) -> Done<pb::ModbusReadResponse> {
        let registers = registers(wanted, place.register);
        let bus = self.buses.get(&Endpoint {
            host: place.host,
            port: place.port,
        });
        let begin = Instant::now();
        let mut values = Vec::with_capacity(registers.len());
        for register in registers {
            let read = |address, count| Read {
                unit: place.unit,
                function_code: register.function_code,
                address,
                count,
                timeout: place.timeout,
            };
            let wanted = read(register.address, register.count);
            let raw = bus.read(wanted, &place.reach).await.map_err(failed)?;
            let exponent = match register.scale_register {
                Some(address) => {
                    let found = bus.read(read(address, 1), &place.reach).await.map_err(failed)?;
                    found.first().copied()
                }
                None => None,
            };
            let (value, _, reason) = decode(&register, &raw, exponent);
            let (value, text) = match value {
                Value::Number(number) => (Some(number), String::new()),
                Value::Json(text) => (None, text.into()),
                Value::Missing => (None, reason.text().to_owned()),
            };
            values.push(Told {
                address: u32::from(register.address),
                raw: raw.into_iter().map(u32::from).collect(),
                value,
                text,
                label: register.label,
                unit: register.unit,
            });
        }
        Ok(pb::ModbusReadResponse {
            values,
            elapsed_us: begin.elapsed().as_micros() as u64,
        })
    }
}

#[tonic::async_trait]
impl ModbusService for Door {
    async fn read(&self, request: Request<pb::ModbusReadRequest>) -> Result<Response<pb::ModbusReadResponse>, Status> {
        let caller = gate::caller(&request)?;
        let wanted = request.into_inner();
        let place = polling::place(&self.resources, &caller, &wanted).await?;
        Ok(Response::new(self.read_once(place, &wanted).await?))
    }
}

/// The registers to read: the one that was named, or `count` values one after the other.
fn registers(wanted: &pb::ModbusReadRequest, named: Option<Register>) -> Vec<Register> {
    if let Some(register) = named {
        return vec![register];
    }
    let function_code = if wanted.function_code == 0 {
        3
    } else {
        wanted.function_code as u8
    };
    let data_type = match wanted.data_type() {
        DataType::Unspecified if function_code <= 2 => DataType::Bool,
        DataType::Unspecified => DataType::Uint16,
        said => said,
    };
    let each = width(data_type).unwrap_or(wanted.num_registers.max(1) as u16);
    (0..wanted.count.max(1) as u16)
        .map(|nth| Register {
            label: String::new(),
            address: (wanted.address() as u16).wrapping_add(nth.wrapping_mul(each)),
            count: each,
            function_code,
            data_type,
            little_bytes: wanted.byte_order() == Order::Little,
            little_words: wanted.word_order() == Order::Little,
            bit: None,
            mask: None,
            scale: 1.0,
            offset: 0.0,
            scale_register: None,
            sentinel: Vec::new(),
            unit: String::new(),
            sensor: String::new(),
            enabled: true,
            interval_ms: None,
            deadband: None,
        })
        .collect()
}

fn failed(error: ReadError) -> Error {
    match error {
        ReadError::Timeout => Error::Unavailable(
            "the slave does not answer; check its address, and --timeout-ms for slow ones".to_owned(),
        ),
        ReadError::Connection(detail) => Error::Unavailable(detail),
        ReadError::Refused(why) => Error::Denied(why),
        ReadError::Exception(code) => Error::Unavailable(format!("the slave answered: {code}")),
    }
}
