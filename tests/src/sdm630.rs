//! The register map of the Eastron SDM630: 51 float32 values in input registers, big-endian words.

/// Registers that exist, as (first address, registers): the three blocks that a good plan asks for.
pub const BLOCKS: [(u16, u16); 3] = [(0, 80), (234, 6), (342, 40)];

/// Sensor and wire address of each value, as `examples/01-first-site/meter.yaml` names them.
pub const SENSORS: [(&str, u16); 51] = [
    ("l1Voltage", 0),
    ("l2Voltage", 2),
    ("l3Voltage", 4),
    ("l1Current", 6),
    ("l2Current", 8),
    ("l3Current", 10),
    ("l1ActivePower", 12),
    ("l2ActivePower", 14),
    ("l3ActivePower", 16),
    ("l1ApparentPower", 18),
    ("l2ApparentPower", 20),
    ("l3ApparentPower", 22),
    ("l1ReactivePower", 24),
    ("l2ReactivePower", 26),
    ("l3ReactivePower", 28),
    ("l1PowerFactor", 30),
    ("l2PowerFactor", 32),
    ("l3PowerFactor", 34),
    ("activePower", 52),
    ("apparentPower", 56),
    ("reactivePower", 60),
    ("powerFactor", 62),
    ("phaseAngle", 66),
    ("frequency", 70),
    ("importEnergy", 72),
    ("exportEnergy", 74),
    ("importReactiveEnergy", 76),
    ("exportReactiveEnergy", 78),
    ("l1VoltageThd", 234),
    ("l2VoltageThd", 236),
    ("l3VoltageThd", 238),
    ("totalEnergy", 342),
    ("totalReactiveEnergy", 344),
    ("l1ImportEnergy", 346),
    ("l2ImportEnergy", 348),
    ("l3ImportEnergy", 350),
    ("l1ExportEnergy", 352),
    ("l2ExportEnergy", 354),
    ("l3ExportEnergy", 356),
    ("l1TotalEnergy", 358),
    ("l2TotalEnergy", 360),
    ("l3TotalEnergy", 362),
    ("l1ImportReactiveEnergy", 364),
    ("l2ImportReactiveEnergy", 366),
    ("l3ImportReactiveEnergy", 368),
    ("l1ExportReactiveEnergy", 370),
    ("l2ExportReactiveEnergy", 372),
    ("l3ExportReactiveEnergy", 374),
    ("l1TotalReactiveEnergy", 376),
    ("l2TotalReactiveEnergy", 378),
    ("l3TotalReactiveEnergy", 380),
];

/// A value for each sensor, plausible for all of them and different for each: what a test's meter serves.
pub fn values() -> Vec<(u16, f32)> {
    SENSORS
        .iter()
        .enumerate()
        .map(|(at, (_, address))| (*address, 41.3 + at as f32 * 0.37))
        .collect()
}
