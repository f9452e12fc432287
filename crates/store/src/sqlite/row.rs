//! Reads columns of a row.
//! Each kind of value has one conversion, and an error names the column that does not parse.

use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::{CachedStatement, Row};
use strongroom_crypto::{Sealed, TokenHash};

use crate::error::StoreError;

/// Reads the row of a named table, column by column.
pub(super) struct Columns<'a> {
    table: &'static str,
    row: &'a Row<'a>,
    next: usize,
}

impl<'a> Columns<'a> {
    pub(super) fn of(table: &'static str, row: &'a Row<'a>) -> Self {
        Self { table, row, next: 0 }
    }

    fn take<T: rusqlite::types::FromSql>(&mut self) -> Result<T, StoreError> {
        self.next += 1;
        self.row.get(self.next - 1).map_err(|error| self.corrupt(&error))
    }

    fn corrupt(&self, why: &impl ToString) -> StoreError {
        StoreError::Corrupt { table: self.table, what: format!("column {}: {}", self.next, why.to_string()) }
    }

    pub(super) fn parse<T: FromStr<Err: ToString>>(&mut self) -> Result<T, StoreError> {
        self.next += 1;
        let text = self.row.get_ref(self.next - 1)?.as_str().map_err(|error| self.corrupt(&error))?;
        text.parse().map_err(|error: T::Err| self.corrupt(&error.to_string()))
    }

    pub(super) fn parse_or_null<T: FromStr<Err: ToString>>(&mut self) -> Result<Option<T>, StoreError> {
        let text = self.text_or_null()?;
        text.map(|text| text.parse().map_err(|error: T::Err| self.corrupt(&error.to_string()))).transpose()
    }

    pub(super) fn text(&mut self) -> Result<String, StoreError> {
        self.take()
    }

    pub(super) fn text_or_null(&mut self) -> Result<Option<String>, StoreError> {
        self.take()
    }

    pub(super) fn sealed(&mut self) -> Result<Sealed, StoreError> {
        self.take().map(Sealed::from_bytes)
    }

    pub(super) fn sealed_or_null(&mut self) -> Result<Option<Sealed>, StoreError> {
        Ok(self.take::<Option<Vec<u8>>>()?.map(Sealed::from_bytes))
    }

    pub(super) fn bytes32(&mut self) -> Result<[u8; 32], StoreError> {
        self.take()
    }

    pub(super) fn bytes32_or_null(&mut self) -> Result<Option<[u8; 32]>, StoreError> {
        self.take()
    }

    pub(super) fn hash(&mut self) -> Result<TokenHash, StoreError> {
        self.bytes32().map(TokenHash::from_bytes)
    }

    pub(super) fn count(&mut self) -> Result<u64, StoreError> {
        let number: i64 = self.take()?;
        u64::try_from(number).map_err(|error| self.corrupt(&error))
    }

    pub(super) fn at(&mut self) -> Result<Timestamp, StoreError> {
        let milliseconds = self.take()?;
        instant(self.table, milliseconds)
    }

    pub(super) fn at_or_null(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let milliseconds: Option<i64> = self.take()?;
        milliseconds.map(|milliseconds| instant(self.table, milliseconds)).transpose()
    }
}

/// Parses a stored instant: milliseconds since 1970.
fn instant(table: &'static str, milliseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(milliseconds).map_err(|error| StoreError::Corrupt { table, what: error.to_string() })
}

/// All rows of a query, each converted by `parse`.
pub(super) fn all<T>(
    mut statement: CachedStatement<'_>,
    parameters: impl rusqlite::Params,
    parse: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut rows = statement.query(parameters)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(parse(row)?);
    }
    Ok(out)
}

/// The first row of a query, if there is one.
pub(super) fn first<T>(
    mut statement: CachedStatement<'_>,
    parameters: impl rusqlite::Params,
    parse: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let mut rows = statement.query(parameters)?;
    rows.next()?.map(parse).transpose()
}
