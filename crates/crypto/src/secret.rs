//! `Secret<T>`: a value that can be held, moved and sealed, but not printed, copied or serialized. It is wiped on drop.
//! To audit the use of plaintext, search for `expose()`.

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroize;

/// A secret value. `Debug` prints `[redacted]`; `Clone`, `Display` and `Serialize` do not exist.
///
/// ```compile_fail
/// # use strongroom_crypto::Secret;
/// let secret = Secret::new(String::from("sk-live"));
/// println!("{secret}");
/// ```
///
/// ```compile_fail
/// # use strongroom_crypto::Secret;
/// let secret = Secret::new(String::from("sk-live"));
/// let _copy = secret.clone();
/// ```
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps a value. Only [`Secret::expose`] and [`Secret::expose_mut`] give access to it.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The plaintext.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The plaintext, for changes in place.
    pub fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl Secret<Vec<u8>> {
    /// Converts bytes to text without a second copy.
    ///
    /// # Errors
    /// Returns the bytes if they are not UTF-8.
    pub fn into_text(mut self) -> Result<Secret<String>, Self> {
        match String::from_utf8(std::mem::take(&mut self.0)) {
            Ok(text) => Ok(Secret(text)),
            Err(error) => Err(Self(error.into_bytes())),
        }
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'de> Deserialize<'de> for Secret<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

impl From<&str> for Secret<String> {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_value() {
        let secret = Secret::from("sk-live-1");
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert_eq!(format!("{:#?}", Some(&secret)), "Some(\n    [redacted],\n)");
    }

    #[test]
    fn bytes_that_are_not_text_are_returned_unchanged() {
        let back = Secret::new(vec![0xff, 1]).into_text().expect_err("not UTF-8");
        assert_eq!(back.expose(), &[0xff, 1]);
    }
}
