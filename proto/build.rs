//! Compiles the protobuf files with protox: no `protoc` on the machine. A method without a permission does not build.

use std::{env, error::Error, fs, path::PathBuf};

use prost_reflect::DescriptorPool;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=fleet");
    let files = [
        "fleet/v1/resource.proto",
        "fleet/v1/access.proto",
        "fleet/v1/audit.proto",
        "fleet/v1/device.proto",
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
    every_method_names_its_permission(&descriptors)?;
    fs::write(out.join("descriptors.bin"), descriptors)?;
    tonic_prost_build::configure()
        .build_transport(false)
        .compile_well_known_types(false)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

/// Access is denied by default, so a method that says nothing would be for nobody, or, worse, for everybody.
fn every_method_names_its_permission(descriptors: &[u8]) -> Result<(), Box<dyn Error>> {
    let pool = DescriptorPool::decode(descriptors)?;
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
