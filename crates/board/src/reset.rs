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

/// Whether a boot for this reason tells that the boot before it has failed. A restart that is meant is by software, too; the
/// count of failed boots is 0 then.
pub fn is_failure(reason: &str) -> bool {
    matches!(reason, "software" | "watchdog" | "brownout")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The causes as the ROMs of the ESP32 family name them (`RESET_REASON` in `rom/rtc.h`), of all chips together.
    const NAMES: &[(u32, &str)] = &[
        (0x01, "POWERON"),
        (0x03, "RTC_SW_SYS"),
        (0x05, "DEEPSLEEP"),
        (0x07, "TG0WDT_SYS"),
        (0x08, "TG1WDT_SYS"),
        (0x09, "RTCWDT_SYS"),
        (0x0b, "TG0WDT_CPU"),
        (0x0c, "RTC_SW_CPU"),
        (0x0d, "RTCWDT_CPU"),
        (0x0f, "RTCWDT_BROWN_OUT"),
        (0x10, "RTCWDT_RTC"),
        (0x11, "TG1WDT_CPU"),
        (0x12, "SUPER_WDT"),
        (0x13, "GLITCH_RTC"),
        (0x14, "EFUSE"),
        (0x15, "USB_UART_CHIP"),
        (0x16, "USB_JTAG_CHIP"),
        (0x17, "POWER_GLITCH"),
        (0x18, "JTAG_CPU"),
    ];

    #[test]
    fn causes_are_named_as_the_rom_names_them() {
        // A brownout is reported by the watchdog, too.
        let names = [
            ("BROWN_OUT", "brownout"),
            ("WDT", "watchdog"),
            ("_SW_", "software"),
            ("DEEPSLEEP", "deep_sleep"),
            ("GLITCH", "glitch"),
            ("USB", "usb"),
            ("JTAG", "usb"),
            ("POWERON", "power_on"),
        ];
        for cause in 0..=u32::from(u16::MAX) {
            let rom = NAMES.iter().find(|(known, _)| *known == cause).map_or("", |(_, name)| name);
            let name = names.iter().find(|(part, _)| rom.contains(part)).map_or("unknown", |(_, name)| name);
            assert_eq!(reason(cause), name, "{cause:#x} {rom}");
        }
    }
}
