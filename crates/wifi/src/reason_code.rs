//! Why a station could not join a network, or dropped out of it.

use crate::radio::JoinError;

/// The station leaves the network itself (IEEE 802.11, 9.4.1.7).
pub(crate) const LEFT_BY_STATION: u16 = 8;

/// The meaning of a reason code for a station that joins (IEEE 802.11 section 9.4.1.7; from 200 on, those of the ESP32
/// family's radio).
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

    /// The reasons that ESP-IDF names (`wifi_err_reason_t`), without `WIFI_REASON_`.
    const NAMES: &[(u16, &str)] = &[
        (1, "UNSPECIFIED"),
        (2, "AUTH_EXPIRE"),
        (3, "AUTH_LEAVE"),
        (4, "DISASSOC_DUE_TO_INACTIVITY"),
        (5, "ASSOC_TOOMANY"),
        (6, "CLASS2_FRAME_FROM_NONAUTH_STA"),
        (7, "CLASS3_FRAME_FROM_NONASSOC_STA"),
        (8, "ASSOC_LEAVE"),
        (13, "IE_INVALID"),
        (14, "MIC_FAILURE"),
        (15, "4WAY_HANDSHAKE_TIMEOUT"),
        (16, "GROUP_KEY_UPDATE_TIMEOUT"),
        (18, "GROUP_CIPHER_INVALID"),
        (23, "802_1X_AUTH_FAILED"),
        (24, "CIPHER_SUITE_REJECTED"),
        (200, "BEACON_TIMEOUT"),
        (201, "NO_AP_FOUND"),
        (202, "AUTH_FAIL"),
        (203, "ASSOC_FAIL"),
        (204, "HANDSHAKE_TIMEOUT"),
        (205, "CONNECTION_FAIL"),
        (206, "AP_TSF_RESET"),
        (207, "ROAMING"),
        (210, "NO_AP_FOUND_W_COMPATIBLE_SECURITY"),
        (211, "NO_AP_FOUND_IN_AUTHMODE_THRESHOLD"),
        (212, "NO_AP_FOUND_IN_RSSI_THRESHOLD"),
    ];

    /// The error that a person can act on, by the reason's name.
    fn meaning(name: &str) -> JoinError {
        let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        match () {
            () if has(&["NO_AP_FOUND"]) => JoinError::NotFound,
            () if has(&["LEAVE", "INACTIVITY"]) => JoinError::Other,
            () if has(&["HANDSHAKE", "MIC_FAILURE", "AUTH_EXPIRE", "AUTH_FAIL"]) => JoinError::WrongPassword,
            () if has(&["TOOMANY", "FROM_NON", "ASSOC_FAIL", "CONNECTION_FAIL"]) => JoinError::Refused,
            () if has(&["BEACON", "TSF"]) => JoinError::TimedOut,
            () => JoinError::Other,
        }
    }

    #[test]
    fn reasons_mean_what_their_names_say() {
        for code in 0..=u16::MAX {
            let name = NAMES.iter().find(|(known, _)| *known == code).map(|(_, name)| *name);
            assert_eq!(reason_code(code), name.map_or(JoinError::Other, meaning), "{code} {name:?}");
        }
    }
}
