//! Units that can be converted into each other. Names follow UCUM where it has a short one.

/// (unit, quantity, factor to the quantity's base, offset added after the factor)
const UNITS: &[(&str, &str, f64, f64)] = &[
    ("V", "voltage", 1.0, 0.0),
    ("mV", "voltage", 1e-3, 0.0),
    ("kV", "voltage", 1e3, 0.0),
    ("A", "current", 1.0, 0.0),
    ("mA", "current", 1e-3, 0.0),
    ("kA", "current", 1e3, 0.0),
    ("W", "power", 1.0, 0.0),
    ("mW", "power", 1e-3, 0.0),
    ("kW", "power", 1e3, 0.0),
    ("MW", "power", 1e6, 0.0),
    ("Wh", "energy", 1.0, 0.0),
    ("kWh", "energy", 1e3, 0.0),
    ("MWh", "energy", 1e6, 0.0),
    ("J", "energy", 1.0 / 3_600.0, 0.0),
    ("kJ", "energy", 1e3 / 3_600.0, 0.0),
    ("MJ", "energy", 1e6 / 3_600.0, 0.0),
    ("Hz", "frequency", 1.0, 0.0),
    ("kHz", "frequency", 1e3, 0.0),
    ("Pa", "pressure", 1.0, 0.0),
    ("hPa", "pressure", 1e2, 0.0),
    ("kPa", "pressure", 1e3, 0.0),
    ("mbar", "pressure", 1e2, 0.0),
    ("bar", "pressure", 1e5, 0.0),
    ("psi", "pressure", 6_894.757_293_168, 0.0),
    ("K", "temperature", 1.0, 0.0),
    ("Cel", "temperature", 1.0, 273.15),
    ("°C", "temperature", 1.0, 273.15),
    ("C", "temperature", 1.0, 273.15),
    ("degF", "temperature", 5.0 / 9.0, 459.67 * 5.0 / 9.0),
    ("°F", "temperature", 5.0 / 9.0, 459.67 * 5.0 / 9.0),
    ("s", "time", 1.0, 0.0),
    ("ms", "time", 1e-3, 0.0),
    ("min", "time", 60.0, 0.0),
    ("h", "time", 3_600.0, 0.0),
    ("l", "volume", 1e-3, 0.0),
    ("L", "volume", 1e-3, 0.0),
    ("m3", "volume", 1.0, 0.0),
    ("%", "ratio", 1e-2, 0.0),
    ("1", "ratio", 1.0, 0.0),
];

/// A value in another unit of the same quantity; none where either is unknown or they measure different things.
pub fn convert(value: f64, from: &str, to: &str) -> Option<f64> {
    let find = |name: &str| UNITS.iter().find(|(unit, ..)| *unit == name);
    let (from, to) = (find(from)?, find(to)?);
    (from.1 == to.1).then(|| (value * from.2 + from.3 - to.3) / to.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_conversions() {
        assert_eq!(convert(1.5, "kW", "W"), Some(1_500.0));
        assert!((convert(68.0, "degF", "Cel").unwrap() - 20.0).abs() < 1e-9);
        assert!((convert(3.6, "MJ", "kWh").unwrap() - 1.0).abs() < 1e-9);
        assert_eq!(convert(1.0, "V", "A"), None);
        assert_eq!(convert(1.0, "furlong", "m3"), None);
    }
}
