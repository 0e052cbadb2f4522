//! Which addresses fleetd reaches on behalf of a tenant: whoever writes a Device says where fleetd connects to.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use ipnet::IpNet;

/// Most networks of a list.
pub const MOST: usize = 256;
/// Networks of a list that are told.
const TOLD: usize = 4;

/// What fleetd's own addresses are.
const OWN: &str = "fleetd's own machine";
/// Where a cloud tells machines their secrets.
const METADATA: &str = "metadata of a cloud";
/// What leads to an IPv4 address that cannot be told, or need not be.
const EMBEDDED: &str = "IPv4 within IPv6";

/// What is reached only where a list names it, or a part of it. IPv4 addresses within IPv6 ones are looked at as IPv4.
static GUARDED: LazyLock<Vec<(IpNet, &str)>> = LazyLock::new(|| {
    let all = [
        ("0.0.0.0/8", OWN),
        ("127.0.0.0/8", OWN),
        ("169.254.0.0/16", "link-local"),
        ("100.100.100.200/32", METADATA),
        ("168.63.129.16/32", METADATA),
        ("192.0.0.192/32", METADATA),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved, or broadcast"),
        // `::`, `::1`, and what was once IPv4 within IPv6.
        ("::/96", OWN),
        // Translated (SIIT), translated locally (RFC 8215), Teredo, 6to4.
        ("::ffff:0:0:0/96", EMBEDDED),
        ("64:ff9b:1::/48", EMBEDDED),
        ("2001::/32", EMBEDDED),
        ("2002::/16", EMBEDDED),
        ("100::/64", "discarded"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
        ("fd00:42::42/128", METADATA),
        ("fd00:c1::a9fe:a9fe/128", METADATA),
        ("fd00:ec2::254/128", METADATA),
        ("fd20:ce::254/128", METADATA),
    ];
    let parsed = all.into_iter().map(|(text, what)| text.parse().map(|net| (net, what)));
    parsed
        .collect::<Result<_, _>>()
        .unwrap_or_else(|error| unreachable!("the table holds networks: {error}"))
});

/// What bounds where fleetd connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Bound {
    /// Every address but the guarded ones; of these what is listed, by a network that is no larger than what is guarded.
    Guarded {
        /// Name of the organization, whose list would let them in.
        org: String,
        listed: Vec<IpNet>,
    },
    /// What lies in one of these.
    Within {
        /// Whose list it is.
        whose: String,
        networks: Vec<IpNet>,
    },
}

/// Which addresses are reached: those within every bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach(Vec<Bound>);

impl Reach {
    /// Whatever there is: for those who run fleetd.
    pub fn everything() -> Self {
        Self(Vec::new())
    }

    /// What an organization's list and that of a site, each with its name, let in. An empty list is none: for
    /// organizations without one there is `default`.
    pub fn of(default: &[String], org: (&str, &[String]), site: Option<(&str, &[String])>) -> Self {
        let (name, own) = org;
        let (whose, list) = match own {
            [] => ("fleetd (--modbus-networks)".to_owned(), default),
            own => (format!("organization {name}"), own),
        };
        let mut bounds = vec![Bound::Guarded {
            org: name.to_owned(),
            listed: read(list),
        }];
        let site = site.map(|(name, list)| (format!("site {name}"), list));
        for (whose, list) in [Some((whose, list)), site].into_iter().flatten() {
            if !list.is_empty() {
                let networks = read(list);
                bounds.push(Bound::Within { whose, networks });
            }
        }
        Self(bounds)
    }

    /// Leaves what the other one reaches, too.
    pub fn narrow(&mut self, other: &Self) {
        for bound in &other.0 {
            if !self.0.contains(bound) {
                self.0.push(bound.clone());
            }
        }
    }

    /// Why an address is not reached; none: it is. `is_own` says whether an address is one of fleetd's machine.
    pub fn refusal(&self, address: IpAddr, is_own: impl Fn(IpAddr) -> bool) -> Option<String> {
        let address = address.to_canonical();
        self.0.iter().find_map(|bound| match bound {
            Bound::Guarded { org, listed } => {
                let (guard, what) = guard(address, &is_own)?;
                let opens = |network: &IpNet| guard.contains(network) && network.contains(&address);
                (!listed.iter().any(opens)).then(|| {
                    format!(
                        "{address} ({what}) is reached only where spec.modbusNetworks of organization {org} lists it, \
                         as {guard} or less"
                    )
                })
            }
            Bound::Within { whose, networks } => {
                let is_in = networks.iter().any(|network| network.contains(&address));
                (!is_in).then(|| format!("{address} is outside of the networks of {whose} ({})", told(networks)))
            }
        })
    }
}

/// What cannot be read lets nothing in.
fn read(list: &[String]) -> Vec<IpNet> {
    list.iter().filter_map(|text| parse(text).ok()).collect()
}

fn told(networks: &[IpNet]) -> String {
    let some: Vec<String> = networks.iter().take(TOLD).map(ToString::to_string).collect();
    match networks.len().saturating_sub(TOLD) {
        0 => some.join(", "),
        more => format!("{}, and {more} more", some.join(", ")),
    }
}

/// The guarded network that an address is in, and what that is.
fn guard(address: IpAddr, is_own: impl Fn(IpAddr) -> bool) -> Option<(IpNet, &'static str)> {
    let address = translated(address);
    let found = GUARDED.iter().find(|(network, _)| network.contains(&address));
    found
        .copied()
        .or_else(|| is_own(address).then(|| (IpNet::from(address), OWN)))
}

/// What a translator on the way makes of an address (RFC 6052).
fn translated(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) if address.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0] => {
            let [.., a, b, c, d] = address.octets();
            Ipv4Addr::new(a, b, c, d).into()
        }
        _ => address,
    }
}

/// Reads a network. An error: what is wrong with the text, and what to write.
pub fn parse(text: &str) -> Result<IpNet, (String, String)> {
    let form = || "write a network such as 10.1.0.0/16 or 2001:db8::/48".to_owned();
    let Some((address, prefix)) = text.split_once('/') else {
        let help = match text.parse::<IpAddr>() {
            Ok(address) => format!("write {}", IpNet::from(address)),
            Err(_) => form(),
        };
        return Err((format!("`{text}` is no network"), help));
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return Err((format!("`{text}` is no network"), form()));
    };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let network = prefix.parse().ok().and_then(|prefix| IpNet::new(address, prefix).ok());
    let Some(network) = network else {
        let message = format!("`{text}`: the prefix of such an address has 0 to {longest} bits");
        return Err((message, form()));
    };
    if address != address.to_canonical() {
        let help = match (address.to_canonical(), network.prefix_len().checked_sub(96)) {
            (plain, Some(prefix)) => format!("write {plain}/{prefix}"),
            _ => form(),
        };
        return Err((format!("`{text}` is an IPv4 network within IPv6"), help));
    }
    if network.trunc() != network {
        let message = format!("`{text}` has bits behind its prefix");
        let help = format!(
            "write {}, or {} for that one address",
            network.trunc(),
            IpNet::from(address)
        );
        return Err((message, help));
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    fn reach(org: &[&str], site: &[&str]) -> Reach {
        Reach::of(&[], ("acme", &texts(org)), Some(("plant", &texts(site))))
    }

    /// fleetd's machine is 192.168.7.7.
    fn refusal(reach: &Reach, address: &str) -> Option<String> {
        let own: IpAddr = "192.168.7.7".parse().unwrap();
        reach.refusal(address.parse().unwrap(), |address| address == own)
    }

    #[test]
    fn without_a_list_everything_but_the_guarded_is_reached() {
        let open = reach(&[], &[]);
        for guarded in [
            "127.0.0.1",
            "127.255.0.9",
            "0.0.0.0",
            "169.254.169.254",
            "224.0.0.1",
            "239.1.2.3",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "::1",
            "::127.0.0.1",
            "fe80::1",
            "febf::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0.0.0.0",
            "::ffff:255.255.255.255",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a00:1",
            "::ffff:0:10.0.0.1",
            "2002:7f00:1::1",
            "2001:0:1::1",
            "100::1",
            "fd20:ce::254",
            "100.100.100.200",
            "168.63.129.16",
            "::ffff:168.63.129.16",
            "64:ff9b::a9fe:a9fe",
            "192.168.7.7",
            "::ffff:192.168.7.7",
            "64:ff9b::c0a8:707",
        ] {
            let why = refusal(&open, guarded).unwrap_or_else(|| panic!("{guarded} is reached"));
            assert!(why.contains("spec.modbusNetworks of organization acme"), "{why}");
        }
        for plain in [
            "10.0.0.1",
            "192.168.1.10",
            "8.8.8.8",
            "169.253.0.1",
            "126.0.0.1",
            "fd00::1",
            "2001:db8::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "fec0::1",
            "100.100.100.201",
            "2003::1",
            "fd20:ce::255",
            "192.168.7.8",
        ] {
            assert_eq!(refusal(&open, plain), None, "{plain}");
        }
        assert_eq!(refusal(&Reach::everything(), "127.0.0.1"), None);
    }

    #[test]
    fn a_list_lets_in_what_it_names_and_a_site_only_narrows() {
        let listed = reach(&["127.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"], &[]);
        for inside in ["127.0.0.1", "10.1.255.255", "2001:db8::9", "::ffff:10.1.0.1"] {
            assert_eq!(refusal(&listed, inside), None, "{inside}");
        }
        assert_eq!(
            refusal(&listed, "10.2.0.1").unwrap(),
            "10.2.0.1 is outside of the networks of organization acme (127.0.0.0/8, 10.1.0.0/16, 2001:db8::/32)"
        );
        assert!(refusal(&listed, "::1").is_some() && refusal(&listed, "::ffff:10.2.0.1").is_some());
        let narrow = reach(&["10.1.0.0/16"], &["10.1.2.0/24", "192.168.0.0/16", "0.0.0.0/0"]);
        assert_eq!(refusal(&narrow, "10.1.2.3"), None);
        assert!(refusal(&narrow, "192.168.0.1").unwrap().contains("organization acme"));
        let narrow = reach(&["10.1.0.0/16"], &["10.1.2.0/24"]);
        assert!(
            refusal(&narrow, "10.1.3.1")
                .unwrap()
                .contains("site plant (10.1.2.0/24)")
        );
        // Nor does a site get at what is guarded.
        assert!(refusal(&reach(&[], &["127.0.0.0/8"]), "127.0.0.1").is_some());
        let mut both = reach(&["10.0.0.0/8"], &["10.1.0.0/16"]);
        both.narrow(&reach(&["10.0.0.0/8"], &["10.1.2.0/24"]));
        assert!(refusal(&both, "10.1.3.1").is_some() && refusal(&both, "10.1.2.1").is_none());
    }

    #[test]
    fn what_is_guarded_is_opened_by_a_network_that_is_no_larger() {
        let all = reach(&["0.0.0.0/0", "::/0"], &[]);
        for plain in ["10.0.0.1", "8.8.8.8", "2001:db8::1"] {
            assert_eq!(refusal(&all, plain), None, "{plain}");
        }
        for (guarded, network) in [
            ("127.0.0.1", "127.0.0.0/8"),
            ("169.254.169.254", "169.254.0.0/16"),
            ("fd00:ec2::254", "fd00:ec2::254/128"),
            ("192.168.7.7", "192.168.7.7/32"),
        ] {
            let why = refusal(&all, guarded).unwrap_or_else(|| panic!("{guarded} is reached"));
            assert!(why.ends_with(&format!("lists it, as {network} or less")), "{why}");
            assert_eq!(
                refusal(&reach(&["0.0.0.0/0", network], &[]), guarded),
                None,
                "{guarded}"
            );
            // A site need not name it once more.
            assert_eq!(
                refusal(&reach(&[network], &["0.0.0.0/0", "::/0"]), guarded),
                None,
                "{guarded}"
            );
        }
        assert!(refusal(&reach(&["126.0.0.0/7", "192.168.0.0/16"], &[]), "127.0.0.1").is_some());
        assert!(refusal(&reach(&["192.168.7.0/24"], &[]), "192.168.7.7").is_some());
        assert_eq!(refusal(&reach(&["127.0.0.1/32"], &[]), "127.0.0.1"), None);
    }

    #[test]
    fn an_organization_without_a_list_has_fleetds() {
        let default = texts(&["10.0.0.0/8", "127.0.0.0/8"]);
        let without = Reach::of(
            &default,
            ("acme", &[]),
            Some(("plant", &texts(&["10.1.0.0/16", "127.0.0.0/8"]))),
        );
        assert!(refusal(&without, "10.1.0.1").is_none() && refusal(&without, "127.0.0.1").is_none());
        assert!(refusal(&without, "10.2.0.1").unwrap().contains("site plant"));
        assert_eq!(
            refusal(&without, "8.8.8.8").unwrap(),
            "8.8.8.8 is outside of the networks of fleetd (--modbus-networks) (10.0.0.0/8, 127.0.0.0/8)"
        );
        let with = Reach::of(&default, ("acme", &texts(&["8.0.0.0/8"])), None);
        assert!(refusal(&with, "8.8.8.8").is_none() && refusal(&with, "10.1.0.1").is_some());
    }

    #[test]
    fn what_cannot_be_read_lets_nothing_in() {
        let broken = reach(&["nonsense"], &[]);
        assert!(refusal(&broken, "10.0.0.1").is_some());
    }

    #[test]
    fn a_network_is_written_in_one_way() {
        for (text, says, help) in [
            ("10.1.2.3", "is no network", "write 10.1.2.3/32"),
            ("::1", "is no network", "write ::1/128"),
            ("meters", "is no network", "10.1.0.0/16"),
            ("10.1.0.0/33", "0 to 32 bits", "10.1.0.0/16"),
            ("2001:db8::/129", "0 to 128 bits", "10.1.0.0/16"),
            ("10.1.0.0/x", "0 to 32 bits", "10.1.0.0/16"),
            (
                "10.1.2.3/16",
                "bits behind its prefix",
                "write 10.1.0.0/16, or 10.1.2.3/32",
            ),
            ("2001:db8::1/32", "bits behind its prefix", "write 2001:db8::/32"),
            ("::ffff:10.0.0.0/104", "IPv4 network within IPv6", "write 10.0.0.0/8"),
            ("010.0.0.0/8", "is no network", "10.1.0.0/16"),
        ] {
            let (message, help_said) = parse(text).unwrap_err();
            assert!(
                message.contains(says) && help_said.contains(help),
                "{text}: {message}; {help_said}"
            );
        }
        for text in ["0.0.0.0/0", "::/0", "10.1.2.3/32", "127.0.0.0/8", "fd00::/8"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }
}
