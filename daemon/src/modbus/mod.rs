//! The Modbus door: bus actors, the poller, the simulator.
