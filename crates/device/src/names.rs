//! The characters of names.

/// Whether a byte may be in the name of a reading, an output, a device or a host: a letter, a digit, `.`, `_` or `-`.
pub(crate) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}
