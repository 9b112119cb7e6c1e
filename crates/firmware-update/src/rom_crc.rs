//! CRC-32 as the chips' ROM computes it from all ones (`esp_rom_crc32_le(UINT32_MAX, ..)`): reflected, begun with zero,
//! and inverted at the end.

/// The CRC of `bytes`.
pub fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let bits = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 })
    };
    !bytes.iter().fold(0, bits)
}
