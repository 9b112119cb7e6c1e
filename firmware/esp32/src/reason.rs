//! Why a station is not in its network, in plain words.

use core::fmt::{self, Display};

use esp_radio::wifi::{ConnectionError, DisconnectReason};

/// Why the station is not in its network.
pub(crate) enum Reason {
    /// It was turned away, or dropped out.
    Disconnected(DisconnectReason),
    /// The radio could not even try.
    Radio(esp_radio::wifi::WifiError),
    /// There was no answer at all.
    Silence,
}

impl From<ConnectionError> for Reason {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Failed(info) => Self::Disconnected(info.reason),
            ConnectionError::WifiError(error) => Self::Radio(error),
            _ => Self::Silence,
        }
    }
}

impl Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected(reason) => match words(*reason) {
                Some(words) => f.write_str(words),
                None => write!(f, "the router said {reason:?}"),
            },
            Self::Radio(error) => write!(f, "the radio failed, {error:?}"),
            Self::Silence => f.write_str("the router did not answer in time"),
        }
    }
}

/// The reasons that a user can do something about (IEEE 802.11, 9.4.1.7; from 200 on, the radio's own).
fn words(reason: DisconnectReason) -> Option<&'static str> {
    use DisconnectReason::*;
    Some(match reason {
        NoAccessPointFound => "no network of that name is in reach (the radio knows 2.4 GHz only)",
        NoAccessPointFoundWithCompatibleSecurity | NoAccessPointFoundInAuthmodeThreshold => {
            "the network asks for another kind of security: a password where none is set, or older than WPA2"
        }
        NoAccessPointFoundInRssiThreshold => "the signal is too weak",
        AuthenticationFailed
        | AuthenticationExpired
        | FourWayHandshakeTimeout
        | HandshakeTimeout
        | MicFailure
        | _802_1xAuthenticationFailed => "the password is wrong, or the signal is too weak",
        AssociationTooMany => "the router takes no more devices",
        AssociationFailed | ConnectionFailed | NotAuthorizedThisLocation => "the router does not let this device in",
        BeaconTimeout | AccessPointTsfReset | MissingAcks => {
            "the router is not heard any more: it is off, restarting, or too far away"
        }
        DisassociatedDueToInactivity
        | AuthenticationLeave
        | AssociationLeave
        | PeerInitiated
        | AccessPointInitiatedDisassociation
        | Class2FrameFromNonAuthenticatedStation
        | Class3FrameFromNonAssociatedStation => "the router ended the connection",
        _ => return None,
    })
}
