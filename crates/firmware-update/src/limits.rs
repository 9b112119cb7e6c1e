//! Every limit of firmware updates, and how the limits relate.

/// Bytes of one FIRMWARE WRITE: as long as one argument of a request may be.
pub const CHUNK_LEN_MAX: usize = 512;
/// Bytes at the start of an image that its header takes: the image's, the first segment's, and the application
/// descriptor up to the project's name. The first write has all of them.
pub const HEADER_LEN: usize = 112;
/// Bytes at the start of an image that are programmed last, once the image is verified. Without them no bootloader
/// takes it.
pub const HEAD_LEN: usize = 16;
/// Length of the header that every image begins with (ESP-IDF, `esp_image_header_t`).
pub const START_LEN: usize = 24;
/// Length of the header of a segment of an image (ESP-IDF, `esp_image_segment_header_t`).
pub const SEGMENT_HEADER_LEN: usize = 8;
/// Segments of an image (ESP-IDF, `ESP_IMAGE_MAX_SEGMENTS`).
pub const SEGMENTS_MAX: usize = 16;
/// Length of the SHA-256 digest at the end of an image, and of every other.
pub const DIGEST_LEN: usize = 32;
/// Length of an Ed25519 signature (RFC 8032, section 5.1.6).
pub const SIGNATURE_LEN: usize = 64;
/// Length of an Ed25519 public key (RFC 8032, section 5.1.5).
pub const KEY_LEN: usize = 32;
/// Length of a version or a project's name in an application descriptor.
pub const DESCRIPTOR_TEXT_LEN: usize = 32;
/// Bytes of flash that are read at once; the crate's only buffer.
pub const BUFFER_LEN: usize = 1024;
/// How often an erase gives way before it begins. A request that came meanwhile takes three turns of other tasks: one for
/// its frame, one for the answer, one for the reply. So no request waits for two erases, or for a signature and an erase.
pub const ERASE_YIELDS: usize = 4;
/// The highest ID of a chip that is known (ESP-IDF, `esp_chip_id_t`).
pub const CHIP_ID_MAX: u16 = 18;
/// An image's length is a multiple of this: espflash pads to it.
pub const IMAGE_ALIGN_LEN: usize = 16;

/// How long a trial may wait for its confirmation once the device is reachable, seconds, unless the client says
/// otherwise.
pub const CONFIRM_S: u16 = 120;
/// The shortest such time, seconds.
pub const CONFIRM_S_MIN: u16 = 10;
/// The longest such time, seconds.
pub const CONFIRM_S_MAX: u16 = 600;
/// How long after its start a trial counts as reachable, whether it is or not, milliseconds. The access point starts
/// 30 s after the station has no network.
pub const REACHABLE_MS: u64 = 120_000;
/// A sender that has sent nothing for so long gives way to another, milliseconds.
pub const SENDER_SILENT_MS: u64 = 10_000;

/// Steps that have sectors erased and that a client may ask for in a row.
pub const STEPS_MAX: u8 = 16;
/// The time in which one more comes back, milliseconds. Each step erases a sector twice at most. A sector outlasts
/// 100,000 erases (data sheets of W25Q32 and others), so a client that does nothing else takes 34 days.
pub const STEP_MS: u64 = 60_000;

/// Length of an otadata entry (ESP-IDF, `esp_ota_select_entry_t`).
pub const ENTRY_LEN: usize = 32;
/// Length of a record of what is being received, without the image's first bytes and the marks.
pub const RECORD_LEN: usize = 12 + DIGEST_LEN + SIGNATURE_LEN;
/// Length of the image's first bytes with their CRC.
pub const SEALED_HEAD_LEN: usize = HEAD_LEN + 4;
/// Length of the words that count steps in flash.
pub const STEPS_LEN: usize = STEPS_MAX as usize * WORD_LEN_MAX;
/// Bytes of a record before the marks, one word for each sector of the slot.
pub const MARKS_OFFSET_LEN: usize = 512;
/// Flash words are no longer than this.
pub const WORD_LEN_MAX: usize = 4;

const _: () = assert!(HEADER_LEN <= CHUNK_LEN_MAX && HEAD_LEN < HEADER_LEN && CHUNK_LEN_MAX <= BUFFER_LEN);
const _: () = assert!(CHUNK_LEN_MAX.is_multiple_of(WORD_LEN_MAX) && HEAD_LEN.is_multiple_of(WORD_LEN_MAX));
const _: () = assert!(CONFIRM_S_MIN <= CONFIRM_S && CONFIRM_S <= CONFIRM_S_MAX);
