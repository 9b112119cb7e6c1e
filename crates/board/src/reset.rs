//! Why a chip has booted.

/// The name of a cause, for INFO; the numbers are those of the ESP32 family's ROM, each the same wherever a chip has it.
///
/// A panic restarts the chip by software.
pub fn reason(cause: u32) -> &'static str {
    match cause {
        0x01 => "power_on",
        0x03 | 0x0c => "software",
        0x05 => "deep_sleep",
        0x07..=0x09 | 0x0b | 0x0d | 0x10..=0x12 => "watchdog",
        0x0f => "brownout",
        0x13 | 0x17 => "glitch",
        0x15 | 0x16 | 0x18 => "usb",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_that_a_user_can_do_something_about_have_names() {
        for (cause, name) in [
            (1, "power_on"),
            (3, "software"),
            (12, "software"),
            (7, "watchdog"),
            (9, "watchdog"),
            (13, "watchdog"),
            (16, "watchdog"),
            (18, "watchdog"),
            (15, "brownout"),
            (21, "usb"),
            (0, "unknown"),
            (0x14, "unknown"),
            (u32::MAX, "unknown"),
        ] {
            assert_eq!(reason(cause), name, "{cause}");
        }
    }
}
