//! Table two of the resource mechanism: what each kind checks beyond its field rules.

mod bus_load;
mod people;
mod places;
mod template;
mod tenancy;
mod things;

pub mod gateway_config;

pub use gateway_config::sharing as gateway_config_sharing;
pub use people::name as check_name;
pub use things::effective;

use fleet_proto::codes;
use fleet_proto::pb::Issue;
use fleet_proto::pb::resource::Spec;

use crate::domain::modbus::reach;

/// What is wrong with a spec that its field rules cannot say. Forgetting a kind does not compile.
pub fn check(spec: &Spec) -> Vec<Issue> {
    match spec {
        Spec::Organization(spec) => tenancy::organization(spec),
        Spec::Customer(spec) => tenancy::customer(spec),
        Spec::Project(_)
        | Spec::Asset(_)
        | Spec::Configuration(_)
        | Spec::Translation(_)
        | Spec::TrackedVariable(_)
        | Spec::Secret(_) => Vec::new(),
        Spec::User(spec) => people::user(spec),
        Spec::Role(spec) => people::role(spec),
        Spec::RoleBinding(spec) => people::role_binding(spec),
        Spec::Template(spec) => template::template(spec),
        Spec::Site(spec) => places::site(spec),
        Spec::GatewayConfig(spec) => gateway_config::problems(spec),
        Spec::DeviceProfile(spec) => things::device_profile(spec),
        Spec::Device(spec) => things::device(spec),
    }
}

/// What is wrong with a list of networks.
fn networks(path: &str, texts: &[String]) -> Vec<Issue> {
    let wrong = |(at, text): (usize, &String)| {
        let (message, help) = reach::parse(text).err()?;
        Some(issue(format!("{path}[{at}]"), message, help))
    };
    let mut issues: Vec<Issue> = texts.iter().enumerate().filter_map(wrong).collect();
    if texts.len() > reach::MOST {
        let message = format!("{} networks, and at most {} may stand there", texts.len(), reach::MOST);
        issues.push(issue(path, message, "write larger networks"));
    }
    issues
}

/// An issue of a kind's own rule.
fn issue(path: impl Into<String>, message: impl Into<String>, help: impl Into<String>) -> Issue {
    Issue {
        index: 0,
        path: path.into(),
        message: message.into(),
        help: help.into(),
        code: codes::SEMANTIC.to_owned(),
    }
}
