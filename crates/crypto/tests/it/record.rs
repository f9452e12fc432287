//! A sealed record opens only unchanged, under its own key and in its own context.

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use strongroom_crypto::{Context, Entropy, Key, Keyring, Kind, OpenError, OsEntropy, Sealed, Secret, UnlockError};

const PLACE: Context<'_> = Context {
    instance: "instance-1",
    tenant: "tnt_1",
    user: "alice",
    object: "cred_1",
    field: "encrypted_data",
    generation: 1,
    binding: &["openai", "api-key"],
};

fn environment(byte: u8) -> Key {
    let text: String = (0..32).map(|at| format!("{:02x}", at ^ byte)).collect();
    Key::from_text(&Secret::new(text)).expect("a key")
}

fn user_key() -> Key {
    let (keyring, _) = Keyring::create(&environment(1), "instance-1", &OsEntropy::default());
    keyring.create_user_key("tnt_1", "alice", &OsEntropy::default()).0
}

fn seal(key: &Key, plaintext: &[u8]) -> Sealed {
    key.seal(&OsEntropy::default(), Kind::Credential, &PLACE, plaintext)
}

#[test]
fn every_bit_flip_is_refused() {
    let key = user_key();
    let sealed = seal(&key, b"sk-live-0123456789");
    assert_eq!(key.open(Kind::Credential, &PLACE, &sealed).expect("untouched").expose(), b"sk-live-0123456789");
    for bit in 0..sealed.as_bytes().len() * 8 {
        let mut bytes = sealed.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(key.open(Kind::Credential, &PLACE, &Sealed::from_bytes(bytes)).is_err(), "bit {bit}");
    }
}

#[test]
fn every_truncation_and_extension_is_refused() {
    let key = user_key();
    let sealed = seal(&key, b"secret");
    for length in 0..sealed.as_bytes().len() {
        let cut = Sealed::from_bytes(sealed.as_bytes()[..length].to_vec());
        assert!(key.open(Kind::Credential, &PLACE, &cut).is_err(), "length {length}");
    }
    let longer = Sealed::from_bytes([sealed.as_bytes(), b"\0"].concat());
    assert!(key.open(Kind::Credential, &PLACE, &longer).is_err());
}

#[test]
fn moved_records_are_refused() {
    let key = user_key();
    let sealed = seal(&key, b"secret");
    let moved = [
        ("database", Context { instance: "instance-2", ..PLACE }),
        ("tenant", Context { tenant: "tnt_2", ..PLACE }),
        ("user", Context { user: "bob", ..PLACE }),
        ("row", Context { object: "cred_2", ..PLACE }),
        ("field", Context { field: "access_token", ..PLACE }),
        ("generation", Context { generation: 2, ..PLACE }),
        ("plugin", Context { binding: &["stripe", "api-key"], ..PLACE }),
        ("type", Context { binding: &["openai", "custom"], ..PLACE }),
        ("bindings", Context { binding: &["openai"], ..PLACE }),
        ("seam between user and row", Context { user: "alicec", object: "red_1", ..PLACE }),
    ];
    for (what, place) in moved {
        assert_eq!(key.open(Kind::Credential, &place, &sealed).err(), Some(OpenError::Refused), "{what}");
    }
    for kind in [Kind::RootKey, Kind::UserKey, Kind::Reply] {
        assert!(key.open(kind, &PLACE, &sealed).is_err(), "{kind:?}");
    }
}

#[test]
fn wrong_key_is_refused_before_decryption() {
    let sealed = seal(&user_key(), b"secret");
    assert_eq!(user_key().open(Kind::Credential, &PLACE, &sealed).err(), Some(OpenError::OtherKey));
}

/// With a forged key id in the header, the commitment detects the wrong key.
#[test]
fn records_without_key_commitment_are_refused() {
    let (mine, other) = (user_key(), user_key());
    let sealed = seal(&other, b"secret");
    let mut bytes = sealed.as_bytes().to_vec();
    bytes[2..18].copy_from_slice(mine.id().as_bytes());
    assert_eq!(mine.open(Kind::Credential, &PLACE, &Sealed::from_bytes(bytes)).err(), Some(OpenError::Refused));
}

/// An unlocked record gives access to this one record in its context only.
#[test]
fn message_key_opens_one_record_only() {
    let key = user_key();
    let sealed = seal(&key, b"secret");
    let unlock = |context: &Context<'_>, sealed: &Sealed| key.unlock(Kind::Credential, context, sealed);
    let unlocked = unlock(&PLACE, &sealed).expect("own record");
    for _ in 0..2 {
        assert_eq!(unlocked.open().expect("own record").expose(), b"secret");
    }
    for bit in 0..sealed.as_bytes().len() * 8 {
        let mut bytes = sealed.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let opened = unlock(&PLACE, &Sealed::from_bytes(bytes)).and_then(|unlocked| unlocked.open());
        assert!(opened.is_err(), "bit {bit}");
    }
    let moved = unlock(&Context { user: "bob", ..PLACE }, &sealed).expect("own record");
    assert_eq!(moved.open().err(), Some(OpenError::Refused));
    assert_eq!(user_key().unlock(Kind::Credential, &PLACE, &sealed).err(), Some(OpenError::OtherKey));
}

#[test]
fn keyring_opens_with_its_key_and_installation_only() {
    let (keyring, wrapped) = Keyring::create(&environment(1), "instance-1", &OsEntropy::default());
    let (_, user) = keyring.create_user_key("tnt_1", "alice", &OsEntropy::default());

    let again = Keyring::unlock(&environment(1), "instance-1", &wrapped).expect("the right key");
    again.open_user_key("tnt_1", "alice", &user).expect("the same root");
    assert!(again.open_user_key("tnt_1", "bob", &user).is_err());
    assert!(again.open_user_key("tnt_2", "alice", &user).is_err());

    let (given, needed) = (environment(2).id(), environment(1).id());
    assert_eq!(
        Keyring::unlock(&environment(2), "instance-1", &wrapped).err(),
        Some(UnlockError::OtherKey { needed, given })
    );
    let damaged = Keyring::unlock(&environment(1), "instance-2", &wrapped).err();
    assert_eq!(damaged, Some(UnlockError::Damaged { given: needed }));
}

#[test]
fn row_mac_covers_table_and_column_boundaries() {
    let (keyring, _) = Keyring::create(&environment(1), "instance-1", &OsEntropy::default());
    let mac = keyring.row_mac("plugin", &[b"ab", b"c"]);
    assert!(keyring.row_is_genuine("plugin", &[b"ab", b"c"], &mac));
    assert!(!keyring.row_is_genuine("plugin", &[b"a", b"bc"], &mac));
    assert!(!keyring.row_is_genuine("host_key", &[b"ab", b"c"], &mac));
}

/// Counts the calls, so that a reused value is detected.
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::SeqCst);
        buffer.fill(0);
        buffer.iter_mut().zip(count.to_be_bytes()).for_each(|(slot, byte)| *slot = byte);
    }
}

#[test]
fn every_record_has_a_new_salt_and_iv() {
    let key = user_key();
    let entropy = Counting(AtomicU64::new(0));
    let mut seen = std::collections::HashSet::new();
    for _ in 0..10_000 {
        let sealed = key.seal(&entropy, Kind::Credential, &PLACE, b"the same");
        assert!(seen.insert(sealed.as_bytes()[22..54].to_vec()), "a salt came twice");
        assert!(seen.insert(sealed.as_bytes()[54..66].to_vec()), "an IV came twice");
    }
    assert_eq!(entropy.0.load(Ordering::SeqCst), 20_000);
}

proptest! {
    #[test]
    fn sealed_records_open_to_the_same_bytes(plaintext in proptest::collection::vec(any::<u8>(), 0..5_000)) {
        let key = user_key();
        let sealed = seal(&key, &plaintext);
        prop_assert_eq!(sealed.as_bytes().len(), plaintext.len() + 114);
        let opened = key.open(Kind::Credential, &PLACE, &sealed);
        let opened = opened.expect("own record");
        prop_assert_eq!(opened.expose(), &plaintext);
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(user_key().open(Kind::Credential, &PLACE, &Sealed::from_bytes(bytes)).is_err());
    }
}
