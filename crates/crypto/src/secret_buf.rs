//! `SecretBuf`: a buffer for a secret that is written piece by piece. A `Vec` that grows frees its old memory unwiped.
//! This buffer wipes it.

use std::io;

use crate::secret::Secret;

/// A growing buffer that leaves no copy of its content behind.
#[derive(Debug)]
pub struct SecretBuf(Secret<Vec<u8>>);

impl SecretBuf {
    /// An empty buffer. It grows beyond `bytes` if it must.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Secret::new(Vec::with_capacity(bytes)))
    }

    /// Length of the content in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.expose().len()
    }

    /// Whether there is no content.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.expose().is_empty()
    }

    /// Appends bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let content = self.0.expose();
        let needed = content.len() + bytes.len();
        if needed > content.capacity() {
            let mut larger = Vec::with_capacity(needed.max(2 * content.capacity()));
            larger.extend_from_slice(content);
            // Dropping the smaller buffer wipes it.
            self.0 = Secret::new(larger);
        }
        self.0.expose_mut().extend_from_slice(bytes);
    }

    /// The content.
    #[must_use]
    pub fn into_secret(self) -> Secret<Vec<u8>> {
        self.0
    }
}

impl io::Write for SecretBuf {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_survives_growth() {
        let mut buffer = SecretBuf::with_capacity(2);
        let mut wanted = Vec::new();
        for number in 0..=255_u8 {
            buffer.push(&[number, number]);
            wanted.extend([number, number]);
        }
        assert!(!buffer.is_empty() && buffer.len() == 512);
        assert_eq!(format!("{buffer:?}"), "SecretBuf([redacted])");
        assert_eq!(buffer.into_secret().expose(), &wanted);
    }
}
