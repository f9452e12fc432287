//! Which IP addresses are public (IANA special-purpose registries). Anything else could be an internal service (SSRF).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is public. IPv4 addresses inside IPv6 addresses are checked too.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || a == 10
        || a == 100 && (64..128).contains(&b) // shared by carriers, RFC 6598
        || a == 127
        || a == 169 && b == 254 // link-local, and every cloud's metadata
        || a == 172 && (16..32).contains(&b)
        || a == 192 && b == 0 && (c == 0 || c == 2)
        || a == 192 && b == 88 && c == 99 // 6to4 relays, RFC 7526
        || a == 192 && b == 168
        || a == 198 && (b == 18 || b == 19)
        || a == 198 && b == 51 && c == 100
        || a == 203 && b == 0 && c == 113
        || a >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match (s0, s1) {
        // Mapped and compatible addresses, and the prefix of RFC 6052: the IPv4 address inside decides.
        (0, 0) if [s2, s3, s4] == [0; 3] && (s5 == 0xffff || s5 == 0) => is_public_v4(v4(s6, s7)) && s5 == 0xffff,
        (0x64, 0xff9b) => [s2, s3, s4, s5] == [0; 4] && is_public_v4(v4(s6, s7)),
        // Teredo can hide other addresses. Documentation, benchmark and ORCHID addresses are not public.
        (0x2001, ..0x200 | 0xdb8) => false,
        // 6to4.
        (0x2002, _) => is_public_v4(v4(s1, s2)),
        // Global unicast is 2000::/3. All other addresses are not public. 3fff::/20 is documentation.
        _ => s0 & 0xe000 == 0x2000 && !(s0 == 0x3fff && s1 < 0x1000),
    }
}
