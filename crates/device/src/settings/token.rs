//! The token, as it is kept.

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::limits::{DIGEST_LEN, SALT_LEN};

/// A token as it is stored: salted and hashed.
///
/// SHA-256 once, as Redis's ACLs: it keeps a strong token from being read out of a dump, and can't save a weak one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TokenHash {
    /// Random bytes that were hashed before the token.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub salt: [u8; SALT_LEN],
    /// SHA-256 of salt and token.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub digest: [u8; DIGEST_LEN],
}

impl TokenHash {
    /// Hashes `token` with `salt`, which must be random and used once.
    pub fn new(token: &[u8], salt: [u8; SALT_LEN]) -> Self {
        Self { salt, digest: digest(&salt, token) }
    }

    /// Whether this is the token. Takes the same time wherever a wrong one differs.
    pub fn is(&self, token: &[u8]) -> bool {
        self.digest.ct_eq(&digest(&self.salt, token)).into()
    }
}

fn digest(salt: &[u8; SALT_LEN], token: &[u8]) -> [u8; DIGEST_LEN] {
    Sha256::new().chain_update(salt).chain_update(token).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash() {
        let hash = TokenHash::new(b"correct horse", [7; SALT_LEN]);
        assert!(hash.is(b"correct horse"));
        for wrong in [&b""[..], b"correct hors", b"correct horse ", b"Correct horse"] {
            assert!(!hash.is(wrong));
        }
        assert_ne!(hash, TokenHash::new(b"correct horse", [8; SALT_LEN]));
    }
}
