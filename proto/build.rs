//! Compiles the protobuf files with protox: no `protoc` on the machine.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=fleet");
    let files = [
        "fleet/v1/resource.proto",
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
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        .build_transport(false)
        .compile_well_known_types(false)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
