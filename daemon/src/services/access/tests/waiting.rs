//! Between a call and its transaction others may take away what the caller had.

use fleet_proto::access::Verb;
use fleet_proto::pb::{OrganizationSpec, RoleBindingSpec, SiteSpec};

use super::*;
use crate::services::resources::DeleteRequest;

fn resource(org: &str, name: &str, spec: Spec) -> pb::Submission {
    pb::Submission {
        resource: Some(pb::Resource {
            metadata: Some(pb::Metadata {
                org: org.to_owned(),
                name: name.to_owned(),
                ..pb::Metadata::default()
            }),
            spec: Some(spec),
            ..pb::Resource::default()
        }),
        ..pb::Submission::default()
    }
}

fn site(name: &str) -> pb::Submission {
    resource("acme", name, Spec::Site(SiteSpec::default()))
}

fn binding(name: &str) -> pb::Submission {
    let spec = RoleBindingSpec {
        user: Some("ada".into()),
        role: Some("org-admin".into()),
        all_sites: Some(true),
        ..RoleBindingSpec::default()
    };
    resource("acme", name, Spec::RoleBinding(spec))
}

impl World {
    async fn apply(&self, caller: &Caller, bundle: Vec<pb::Submission>) -> Result<()> {
        let resources = &self.access.resources;
        resources
            .apply(caller, bundle, Options::default())
            .await?
            .done()
            .map(|_| ())
    }

    /// As the gate gives it to a method that edits sites.
    async fn called_with(&self, text: &str) -> Caller {
        let caller = self.access.authenticate(&Credential::Bearer(text.into())).await;
        let edit = Permission::of(Verb::Edit, Kind::Site);
        caller.unwrap().asking(edit, Origin::default())
    }

    async fn unbind(&self, name: &str) {
        let key = crate::domain::Key {
            kind: Kind::RoleBinding,
            org: "acme".into(),
            name: name.into(),
        };
        let request = DeleteRequest {
            keys: vec![(key, 0)],
            ..DeleteRequest::default()
        };
        self.access.resources.delete(&me(), request).await.unwrap();
    }

    async fn token(&self, caller: &Caller) -> Result<(pb::ApiToken, String)> {
        let edit = Permission::of_method("edit:token").unwrap();
        let wanted = NewToken {
            org: "acme".into(),
            scopes: vec!["edit:site".into()],
            ..NewToken::default()
        };
        let caller = caller.clone().asking(edit, Origin::default());
        self.access.create_token(&caller, wanted).await
    }
}

#[tokio::test]
async fn a_role_that_is_taken_meanwhile_is_gone() {
    let world = World::start().await;
    let acme = resource("", "acme", Spec::Organization(OrganizationSpec::default()));
    world.apply(&me(), vec![acme, binding("first")]).await.unwrap();
    let session = world.tokens().await;
    let person = world.called_with(&session.access_token).await;
    let (made, text) = world.token(&person).await.unwrap();
    let program = world.called_with(&text).await;

    // What changes and takes nothing away is in nobody's way.
    world.apply(&me(), vec![binding("second")]).await.unwrap();
    world.unbind("first").await;
    world.apply(&person, vec![site("north")]).await.unwrap();
    world.apply(&program, vec![site("south")]).await.unwrap();

    world.unbind("second").await;
    for caller in [&person, &program] {
        let refused = world.apply(caller, vec![site("east")]).await;
        assert!(
            matches!(refused, Err(Error::Denied(_) | Error::Invalid(_))),
            "{refused:?}"
        );
        let key = crate::domain::Key {
            kind: Kind::Site,
            org: "acme".into(),
            name: "north".into(),
        };
        let request = DeleteRequest {
            keys: vec![(key, 0)],
            ..DeleteRequest::default()
        };
        let refused = world.access.resources.delete(caller, request).await;
        assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    }
    assert!(matches!(world.token(&person).await, Err(Error::NotFound(_))));

    // What ends a credential ends what waits with it.
    world.apply(&me(), vec![binding("third")]).await.unwrap();
    let person = world.called_with(&session.access_token).await;
    let program = world.called_with(&text).await;
    world.apply(&program, vec![site("west")]).await.unwrap();
    let admin = me().asking(Permission::of_method("edit:token").unwrap(), Origin::default());
    world.access.revoke_token(&admin, "acme", &made.id).await.unwrap();
    world.access.logout(&person).await.unwrap();
    for caller in [&person, &program] {
        let refused = world.apply(caller, vec![site("east")]).await;
        assert!(matches!(refused, Err(Error::Unauthenticated(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn what_a_host_name_narrows_stays_narrow() {
    let world = World::start().await;
    let org = |name| resource("", name, Spec::Organization(OrganizationSpec::default()));
    world
        .apply(&me(), vec![org("acme"), org("umc"), binding("first")])
        .await
        .unwrap();
    let session = world.tokens().await;
    let umc = Resources::org_in(&mut world.access.resources.db().read().await.unwrap(), "umc").await;
    let narrowed = world.called_with(&session.access_token).await.within(umc.unwrap().uid);
    // A change makes the grants be read again: those at other tenants must not come back by it.
    world.apply(&me(), vec![binding("second")]).await.unwrap();
    let refused = world.apply(&narrowed, vec![site("north")]).await;
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test]
async fn a_read_over_modbus_and_a_drawn_code_look_again() {
    let world = World::start().await;
    let acme = resource("", "acme", Spec::Organization(OrganizationSpec::default()));
    let endpoint = pb::device_spec::Endpoint {
        host: Some("192.0.2.1".into()),
        ..Default::default()
    };
    let meter = resource(
        "acme",
        "meter",
        Spec::Device(pb::DeviceSpec {
            endpoint: Some(endpoint),
            ..Default::default()
        }),
    );
    world.apply(&me(), vec![acme, binding("first"), meter]).await.unwrap();
    let session = world.tokens().await;
    let person = world.called_with(&session.access_token).await;
    let control = Permission::of_method("control:modbus").unwrap();
    let reading = person.asking(control, Origin::default());
    let wanted = pb::ModbusReadRequest {
        org: "acme".into(),
        device: "meter".into(),
        address: Some(0),
        ..Default::default()
    };
    let resources = &world.access.resources;
    crate::services::polling::place(resources, &reading, &wanted)
        .await
        .unwrap();
    world.unbind("first").await;
    let refused = crate::services::polling::place(resources, &reading, &wanted).await;
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");

    // A code that somebody draws for another is worth what who drew it may still do.
    let user = |name: &str, roles: &[&str]| {
        let spec = pb::UserSpec {
            platform_roles: roles.iter().map(|&role| role.to_owned()).collect(),
            ..Default::default()
        };
        resource("", name, Spec::User(spec))
    };
    let all = vec![user("bob", &["platform-admin"]), user("eve", &[])];
    world.apply(&me(), all).await.unwrap();
    world.access.set_password(&me(), "bob", PASSWORD).await.unwrap();
    let tokens = world.access.login(&login("bob", PASSWORD), &peer("192.0.2.2")).await;
    let edit = Permission::of(Verb::Edit, Kind::User);
    let bob = world.called_with(&tokens.unwrap().access_token).await;
    let bob = bob.asking(edit, Origin::default());
    let kept = world.access.create_login_code(&bob, "eve").await.unwrap();
    let lost = world.access.create_login_code(&bob, "eve").await.unwrap();
    let from = peer("192.0.2.3");
    world.access.login_with_code(&kept.code, &from).await.unwrap();
    let more = vec![user("bob", &["viewer"]), user("eve", &["platform-admin"])];
    world.apply(&me(), more).await.unwrap();
    let refused = world.access.login_with_code(&lost.code, &from).await;
    assert!(refused.is_err(), "{refused:?}");
}
