//! Why a station could not join a network, or dropped out of it.

use crate::radio::JoinError;

/// The station leaves the network itself (IEEE 802.11, 9.4.1.7).
pub(crate) const LEFT_BY_STATION: u16 = 8;

/// What a reason code means for whoever wants to join (IEEE 802.11, 9.4.1.7; from 200 on, those of the ESP32 family's
/// radio).
pub fn reason_code(reason: u16) -> JoinError {
    match reason {
        // None of the name, none with a security that the device knows, or none that is strong enough.
        201 | 210..=212 => JoinError::NotFound,
        // The handshake failed, which is what a wrong password looks like.
        2 | 14 | 15 | 23 | 202 | 204 => JoinError::WrongPassword,
        // Too many stations; or the router believes that it knows this one better.
        5..=7 | 203 | 205 => JoinError::Refused,
        200 | 206 => JoinError::TimedOut,
        _ => JoinError::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_can_do_something_about_is_told_apart() {
        for (reasons, expected) in [
            (&[201, 210, 211, 212][..], JoinError::NotFound),
            (&[2, 14, 15, 23, 202, 204], JoinError::WrongPassword),
            (&[5, 6, 7, 203, 205], JoinError::Refused),
            (&[200, 206], JoinError::TimedOut),
            (&[0, 1, 8, 207, u16::MAX], JoinError::Other),
        ] {
            for &reason in reasons {
                assert_eq!(reason_code(reason), expected, "{reason}");
            }
        }
    }
}
