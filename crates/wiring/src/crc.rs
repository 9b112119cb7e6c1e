//! Checksums of 8 bits.

/// The checksum of Sensirion's sensors and of the AHT20: polynomial 0x31, begins at 0xFF (SHT4x data sheet, 4.4).
pub(crate) fn sensirion(bytes: &[u8]) -> u8 {
    let bit = |crc: u8| if crc & 0x80 == 0 { crc << 1 } else { (crc << 1) ^ 0x31 };
    bytes.iter().fold(0xff, |crc, byte| (0..8).fold(crc ^ byte, |crc, _| bit(crc)))
}

/// The checksum of 1-Wire: polynomial 0x31 with the least bit first, begins at 0 (Maxim's application note 27).
pub(crate) fn one_wire(bytes: &[u8]) -> u8 {
    let bit = |crc: u8| if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0x8c };
    bytes.iter().fold(0, |crc, byte| (0..8).fold(crc ^ byte, |crc, _| bit(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_data_sheets() {
        assert_eq!(sensirion(&[0xbe, 0xef]), 0x92);
        // SCD4x data sheet, read_measurement.
        assert_eq!([[0x01, 0xf4], [0x66, 0x67], [0x5e, 0xb9]].map(|word| sensirion(&word)), [0x33, 0xa2, 0x3c]);
        // Application note 27: family 02, serial number 0000 0001 B81C.
        assert_eq!(one_wire(&[0x02, 0x1c, 0xb8, 0x01, 0x00, 0x00, 0x00]), 0xa2);
    }
}
