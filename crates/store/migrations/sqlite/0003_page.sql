-- What a page needs: where its session may be used from, and what became of a connection.

-- The origins of the pages, separated by spaces; empty: whatever is no page of another origin.
ALTER TABLE session ADD COLUMN origins TEXT NOT NULL DEFAULT '';

-- Why a connection failed. A connection stays until it expires, for those who ask.
ALTER TABLE connection ADD COLUMN cause TEXT;
