//! Rows that carry a MAC. The MAC covers every column, so a row that an attacker writes into the database is not
//! accepted.

/// A row with a MAC over its columns.
pub trait MacRow {
    /// The table, which is part of what the MAC covers.
    fn table(&self) -> &'static str;
    /// Passes the bytes of each column except the MAC, in a fixed order.
    fn columns<T>(&self, then: impl FnOnce(&[&[u8]]) -> T) -> T;
    /// The stored MAC.
    fn mac(&self) -> &[u8; 32];
    /// The MAC, to be set.
    fn mac_mut(&mut self) -> &mut [u8; 32];
}
