//! Blocked addresses, observed at the socket: no notation of a blocked address opens a connection.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use strongroom::oauth::app::AppDraft;
use strongroom::{Actor, Secret, Vault};

use crate::support::{Dir, KEY};

/// Loopback, in every notation that some parser accepts.
const LOOPBACK: [&str; 22] = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "0177.1",
    "127.0.0.1.",
    "127.255.255.254",
    "0",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "localhost",
    "localhost.",
];

#[tokio::test]
async fn forbidden_addresses_are_never_connected() {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let (port, knocks) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let counted = knocks.clone();
    std::thread::spawn(move || {
        while listener.accept().is_ok() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let dir = Dir::new("egress");
    let vault = Vault::builder(&dir.database()).key(Secret::from(KEY)).open().await.unwrap();
    let tenant = vault.tenants().get(&"default".parse().unwrap()).await.unwrap().id;
    let mut tried = 0;
    for issuer in addresses(port) {
        let draft = AppDraft {
            provider: issuer.clone(),
            client_id: Some("client".to_owned()),
            client_secret: Some(Secret::from("secret")),
            parameters: Default::default(),
        };
        let refused = vault.apps(tenant).create(&Actor::host(), draft).await.unwrap_err().to_string();
        assert!(refused.contains("discovery of"), "{issuer}: {refused}");
        tried += 1;
    }
    assert!(tried >= 150, "only {tried} forms");
    assert_eq!(knocks.load(Ordering::SeqCst), 0, "a forbidden address was connected");
}

fn addresses(port: u16) -> Vec<String> {
    let mut hosts: Vec<String> = LOOPBACK.iter().map(|host| (*host).to_owned()).collect();
    // Private, shared, link-local, metadata, documentation, benchmark, multicast and reserved addresses, in five
    // notations each.
    for v4 in [
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.254",
        "169.254.169.254",
        "169.254.170.2",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "127.0.0.1",
    ] {
        let octets: Vec<u32> = v4.split('.').map(|octet| octet.parse().unwrap()).collect();
        let [a, b, c, d] = octets[..] else { panic!("four octets") };
        let (high, low) = (a << 8 | b, c << 8 | d);
        hosts.push(v4.to_owned());
        hosts.push(format!("{}", high << 16 | low));
        hosts.push(format!("[::ffff:{high:x}:{low:x}]"));
        hosts.push(format!("[64:ff9b::{high:x}:{low:x}]"));
        hosts.push(format!("[2002:{high:x}:{low:x}::1]"));
    }
    for other in [
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[2001:db8::1]",
        "[2001::1]",
        "[2001:2::1]",
        "[64:ff9b:1::1]",
        "[100::1]",
        "[3fff::1]",
        "[::2]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b:1:fffe::1]",
        "[2001:10::1]",
        "[4000::1]",
        "[5f00::1]",
        "metadata.google.internal",
    ] {
        hosts.push(other.to_owned());
    }
    let mut addresses: Vec<String> = hosts.iter().map(|host| format!("https://{host}:{port}")).collect();
    addresses.push(format!("http://127.0.0.1:{port}"));
    addresses.push(format!("https://user:pass@127.0.0.1:{port}"));
    addresses.extend(
        ["10.0.0.1", "169.254.169.254", "[fd00:ec2::254]", "[::1]", "127.0.0.1"].map(|host| format!("https://{host}")),
    );
    addresses.extend([format!("ftp://127.0.0.1:{port}"), format!("file://127.0.0.1:{port}/etc/passwd")]);
    addresses
}
