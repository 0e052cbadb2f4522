//! The peers themselves: a fixture that lies makes every story above it worthless.

use std::io::{Read, Write};
use std::net::TcpStream;

use fleet_tests::peers::{ModbusServer, Postgres, Request};

/// Sends one Modbus TCP request; gives the answer's bytes behind the header.
fn ask(port: u16, function_code: u8, address: u16, count: u16) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut request = vec![0, 1, 0, 0, 0, 6, 1, function_code];
    request.extend(address.to_be_bytes());
    request.extend(count.to_be_bytes());
    stream.write_all(&request).unwrap();
    let mut head = [0; 6];
    stream.read_exact(&mut head).unwrap();
    let mut body = vec![0; usize::from(u16::from_be_bytes([head[4], head[5]]))];
    stream.read_exact(&mut body).unwrap();
    body.split_off(1)
}

#[test]
fn the_modbus_server_serves_counts_dies_and_comes_back() {
    let mut server = ModbusServer::start(&[(0, 4)], &[(2, 230.5)]);
    assert_eq!(ask(server.port(), 4, 2, 2), [4, 4, 0x43, 0x66, 0x80, 0x00]);
    assert_eq!(
        ask(server.port(), 4, 9, 1),
        [0x84, 2],
        "what is not there is an illegal address"
    );
    let asked = |address, count| Request {
        function_code: 4,
        address,
        count,
    };
    assert_eq!(server.requests(), [asked(2, 2), asked(9, 1)]);
    assert_eq!(server.connections(), 2);
    let port = server.port();
    server.kill();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    server.restart();
    assert_eq!(ask(port, 3, 2, 1), [3, 2, 0x43, 0x66]);
}

#[test]
fn the_postgres_server_lets_its_user_in() {
    let server = Postgres::start();
    let address = server.url().split('@').nth(1).unwrap().replace("/postgres", "");
    let mut stream = TcpStream::connect(address).unwrap();
    let mut startup = vec![0, 3, 0, 0];
    startup.extend(b"user\0postgres\0database\0postgres\0\0");
    stream.write_all(&(startup.len() as u32 + 4).to_be_bytes()).unwrap();
    stream.write_all(&startup).unwrap();
    let mut answer = [0; 9];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, *b"R\0\0\0\x08\0\0\0\0", "AuthenticationOk");
}
