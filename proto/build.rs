//! Compiles the protobuf files with protox: no `protoc` on the machine. A method without a permission does not build.

use std::{env, error::Error, fs, path::PathBuf};

use prost_reflect::{DescriptorPool, FieldDescriptor, MessageDescriptor, Value};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=fleet");
    let files = [
        "fleet/v1/resource.proto",
        "fleet/v1/access.proto",
        "fleet/v1/audit.proto",
        "fleet/v1/device.proto",
        "fleet/v1/log.proto",
        "fleet/v1/telemetry.proto",
        "fleet/v1/modbus.proto",
        "fleet/v1/system.proto",
    ];
    let mut compiler = protox::Compiler::new(["."])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(files)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Only this encoding keeps our own options; prost's types drop extensions.
    let descriptors = compiler.encode_file_descriptor_set();
    let pool = DescriptorPool::decode(descriptors.as_slice())?;
    every_method_names_its_permission(&pool)?;
    fs::write(out.join("descriptors.bin"), descriptors)?;
    let hiding = with_secrets(&pool)?;
    fs::write(out.join("hidden.rs"), hiding.iter().map(debug).collect::<String>())?;
    tonic_prost_build::configure()
        .skip_debug(hiding.iter().map(|message| format!(".{}", message.full_name())))
        .build_transport(false)
        .compile_well_known_types(false)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

/// Access is denied by default, so a method that says nothing would be for nobody, or, worse, for everybody.
fn every_method_names_its_permission(pool: &DescriptorPool) -> Result<(), Box<dyn Error>> {
    let permission = pool
        .get_extension_by_name("fleet.v1.permission")
        .ok_or("options.proto has no `permission`")?;
    for method in pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
    {
        let options = method.options();
        let found = options.get_extension(&permission);
        let is_one =
            |text: &str| matches!(text.split_once(':'), Some((verb, noun)) if !verb.is_empty() && !noun.is_empty());
        if !found.as_str().is_some_and(is_one) {
            let name = method.full_name();
            return Err(format!("{name} names no permission: add `option (permission) = \"verb:noun\";`").into());
        }
    }
    Ok(())
}

fn is_secret(field: &FieldDescriptor) -> bool {
    let Some(rules) = field.parent_pool().get_extension_by_name("fleet.v1.rules") else {
        return false;
    };
    let options = field.options();
    let rules = options.get_extension(&rules).into_owned();
    let secret = rules.as_message().and_then(|rules| rules.get_field_by_name("secret"));
    secret.as_deref().and_then(Value::as_bool).unwrap_or(false)
}

/// Messages that hold a secret: what prints them for a person or a log must not print it.
fn with_secrets(pool: &DescriptorPool) -> Result<Vec<MessageDescriptor>, Box<dyn Error>> {
    let holds = |message: &MessageDescriptor| message.fields().any(|field| is_secret(&field));
    let found: Vec<_> = pool.all_messages().filter(holds).collect();
    match found.iter().find(|message| message.parent_message().is_some()) {
        Some(inner) => Err(format!("{} has a secret: only a message at the top may", inner.full_name()).into()),
        None => Ok(found),
    }
}

/// How such a message is printed.
fn debug(message: &MessageDescriptor) -> String {
    let name = message.name();
    let fields = message.fields().map(|field| {
        let name = field.name();
        if is_secret(&field) {
            format!(".field(\"{name}\", &\"(hidden)\")")
        } else {
            format!(".field(\"{name}\", &self.{name})")
        }
    });
    format!(
        "impl ::core::fmt::Debug for {name} {{
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{
                f.debug_struct(\"{name}\"){}.finish()
            }}
        }}\n",
        fields.collect::<String>()
    )
}
