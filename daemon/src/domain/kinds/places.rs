//! Site.

use fleet_proto::pb::{Issue, SiteSpec};

use super::{issue, networks};

pub(super) fn site(spec: &SiteSpec) -> Vec<Issue> {
    let zone = spec.timezone.as_deref();
    let mut issues: Vec<Issue> = zone
        .and_then(|zone| timezone("spec.timezone", zone))
        .into_iter()
        .collect();
    if let Some(settings) = &spec.settings {
        issues.extend(networks("spec.settings.modbusNetworks", &settings.modbus_networks));
    }
    issues
}

/// A time zone must be one of the IANA database, which is compiled in.
pub(super) fn timezone(path: &str, zone: &str) -> Option<Issue> {
    jiff::tz::TimeZone::get(zone).is_err().then(|| {
        issue(
            path,
            format!("`{zone}` is no IANA time zone"),
            "write one such as `Europe/Vienna` or `UTC`",
        )
    })
}
