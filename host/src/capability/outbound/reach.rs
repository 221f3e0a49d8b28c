//! What kind of address something is: whether anybody may be sent there, or only who was told so. Pure.
//!
//! Addresses of IPv6 are public by exception: what is not in the global range, or is set aside in it, is not. An
//! address that stands for one of IPv4 (mapped, NAT64, 6to4) is what that one is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who may be sent to an address, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Everyone with a rule for the name.
    Public,
    /// Who has a rule with `private = true`, or that names the address: private, loopback and link-local
    /// networks, and those that documentation and tests use.
    Private,
    /// Who has a rule that names the address: the metadata services of clouds, which give out keys to who asks.
    Named,
    /// Nobody: it is no machine (unspecified, multicast, reserved).
    Never,
}

/// The metadata services of clouds: AWS, Azure, Google and most others; AWS's of containers and of pods;
/// Alibaba; Oracle's old one; Azure's host.
const METADATA_V4: [Ipv4Addr; 6] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];

/// The same on IPv6: AWS, AWS's of pods, Google.
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

impl Reach {
    /// The kind of an address.
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }

    /// What a person calls such an address.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Named => "a metadata service",
            Self::Never => "no machine's",
        }
    }
}

fn of_v4(address: Ipv4Addr) -> Reach {
    if METADATA_V4.contains(&address) {
        return Reach::Named;
    }
    match address.octets() {
        // this network; multicast; reserved, with broadcast
        [0 | 224..=255, ..] => Reach::Never,
        // private; shared by providers (CGNAT); loopback; link-local; private
        [10 | 127, ..]
        | [100, 64..=127, ..]
        | [169, 254, ..]
        | [172, 16..=31, ..]
        | [192, 168, ..] => Reach::Private,
        // protocols; documentation; 6to4 relays; benchmarks; documentation twice more
        [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Reach::Private,
        _ => Reach::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> Reach {
    if METADATA_V6.contains(&address) {
        return Reach::Named;
    }
    let [a, b, c, _, _, _, y, z] = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        of_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Reach::Never,
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Private,
        // compatible with IPv4, long given up
        [0, 0, 0, 0, 0, 0, ..] => embedded(y, z).max(Reach::Private),
        // NAT64 by its common prefix; by one of a network's own; 6to4
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => embedded(y, z),
        [0x64, 0xff9b, 1, ..] => embedded(y, z).max(Reach::Private),
        [0x2002, ..] => embedded(b, c).max(Reach::Private),
        // discard-only; multicast
        [0x100, 0, 0, 0, ..] | [0xff00..=0xffff, ..] => Reach::Never,
        // protocols, Teredo and benchmarks among them; documentation, twice
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Reach::Private,
        // the global range; all else is link-local, of a site, unique local, or not given out
        _ if a & 0xe000 == 0x2000 => Reach::Public,
        _ => Reach::Private,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Reach {
        Reach::of(text.parse().unwrap())
    }

    #[test]
    fn addresses_are_what_their_registries_say() {
        for (reach, addresses) in [
            (
                Reach::Public,
                "1.1.1.1 93.184.216.34 100.63.255.255 100.128.0.0 172.15.0.1 172.32.0.1 192.167.1.1 198.17.1.1 223.255.255.255 2606:4700::1111 2a00:1450::1 64:ff9b::101:101 ::ffff:8.8.8.8",
            ),
            (
                Reach::Private,
                "10.0.0.1 127.0.0.1 127.255.255.255 169.254.1.1 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 100.127.255.255 198.18.0.1 192.0.0.1 192.0.2.1 198.51.100.1 203.0.113.1 192.88.99.1 ::1 fe80::1 febf::1 fec0::1 fc00::1 fd12::1 2001::1 2001:db8::1 2002:808:808::1 3fff::1 5f00::1 4000::1 64:ff9b::a00:1 64:ff9b:1::808:808 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::8.8.8.8 ::127.0.0.1",
            ),
            (
                Reach::Named,
                "169.254.169.254 169.254.170.2 169.254.170.23 100.100.100.200 192.0.0.192 168.63.129.16 fd00:ec2::254 fd20:ce::254 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::1",
            ),
            (
                Reach::Never,
                "0.0.0.0 0.1.2.3 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ff02::1 100::1 ::ffff:0.0.0.0 64:ff9b::e000:1",
            ),
        ] {
            for address in addresses.split(' ') {
                assert_eq!(of(address), reach, "{address}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_the_standard_library_calls_private_is_not_public(address: u32) {
            let v4 = Ipv4Addr::from(address);
            let is_private = v4.is_private() || v4.is_loopback() || v4.is_link_local()
                || v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast() || v4.is_documentation();
            let reach = Reach::of(v4.into());
            prop_assert!(!is_private || reach > Reach::Public, "{}", v4);
            prop_assert_eq!(Reach::of(v4.to_ipv6_mapped().into()), reach);
        }

        #[test]
        fn of_ipv6_only_the_global_range_is_public(address: u128) {
            let v6 = Ipv6Addr::from(address);
            let is_private = v6.is_loopback() || v6.is_unspecified() || v6.is_multicast()
                || v6.is_unique_local() || v6.is_unicast_link_local();
            let reach = Reach::of(v6.into());
            prop_assert!(!is_private || reach > Reach::Public, "{}", v6);
            prop_assert!(reach > Reach::Public || v6.segments()[0] >> 13 == 1, "{}", v6);
        }
    }
}
