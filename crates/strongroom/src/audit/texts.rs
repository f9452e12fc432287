//! Room for the texts of one event. What is text only in the log becomes text here, with nothing allocated for it but for an
//! address of IPv6: every read of a secret passes here, in the one thread that writes.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use crate::id::ID_BYTES;

pub(crate) struct Texts {
    pub(super) tenant: [u8; ID_BYTES],
    pub(super) actor_id: [u8; ID_BYTES],
    pub(super) target: [u8; ID_BYTES],
    pub(super) request_id: [u8; 32],
    pub(super) address: [u8; 15],
}

impl Texts {
    pub(crate) fn new() -> Self {
        let id = [0; ID_BYTES];
        Self { tenant: id, actor_id: id, target: id, request_id: [0; 32], address: [0; 15] }
    }
}

pub(super) fn address(address: IpAddr, room: &mut [u8; 15]) -> Cow<'_, str> {
    match address {
        IpAddr::V4(address) => v4(address, room).into(),
        IpAddr::V6(address) => address.to_string().into(),
    }
}

fn v4(address: Ipv4Addr, room: &mut [u8; 15]) -> &str {
    let mut length = 0;
    let mut push = |byte| {
        if let Some(slot) = room.get_mut(length) {
            *slot = byte;
            length += 1;
        }
    };
    for (place, octet) in address.octets().into_iter().enumerate() {
        if place > 0 {
            push(b'.');
        }
        for (unit, needed) in [(100, octet >= 100), (10, octet >= 10), (1, true)] {
            if needed {
                push(b'0' + octet / unit % 10);
            }
        }
    }
    room.get(..length).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_everybody_writes_them() {
        for octet in 0..=255 {
            let written = Ipv4Addr::new(octet, 255 - octet, 0, octet / 3);
            assert_eq!(v4(written, &mut [0; 15]), written.to_string());
        }
        for text in ["255.255.255.255", "0.0.0.0", "2001:db8::7"] {
            assert_eq!(address(text.parse().expect("an address"), &mut [0; 15]), text);
        }
    }
}
