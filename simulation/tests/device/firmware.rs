//! FIRMWARE: who may update, what each command answers, and that other clients don't wait for the flash.

use sockeye_firmware_image::SignedImage;
use sockeye_firmware_update::Slot;
use sockeye_simulation::flash::Flash;

use crate::script::{Device, check};
use crate::slots::{CHIP_ID, begin, boot, bootload, flash, hexadecimal, image, place, write};

/// Sends all of an image, a chunk at a time.
fn send(device: &mut Device<'_>, client: &str, image: &SignedImage) {
    device.script(&format!("{client}: {}\n@run 300", begin(image)));
    let begun = device.bytes(client);
    // A client may have sent it before.
    if begun == format!(":{}\r\n", image.bytes.len()).as_bytes() {
        return;
    }
    assert_eq!(begun, b":0\r\n");
    for (index, data) in image.bytes.chunks(512).enumerate() {
        device.send(client, &write(512 * index, data));
        // An erase gives way several times, and each of them is a step of the clock here.
        device.event("run 200");
        let next = 512 * index + data.len();
        device.script(&format!("{client}= :{next}|"));
    }
}

#[test]
fn a_build_without_slots_says_so() {
    check(
        r"
        ap: FIRMWARE STATUS
        ap= -ERR this build has no slots for updates: it is updated by flashing it|
        ap: FIRMWARE TRY
        ap= -ERR this build has no slots for updates: it is updated by flashing it|
        ",
    );
}

#[test]
fn who_may_not_set_may_not_update() {
    boot(&flash(1), Slot::Ota0, |device| {
        device.script(
            r"
            sta: FIRMWARE STATUS
            sta~ idle
            sta: FIRMWARE TRY
            sta~ -DENIED
            sta: FIRMWARE CONFIRM
            sta~ -DENIED
            sta: FIRMWARE BEGIN 1 2 3
            sta~ -DENIED
            sta: FIRMWARE WRITE 0 abcd
            sta~ -DENIED
            sta: FIRMWARE ABORT
            sta~ -DENIED
            ",
        );
    });
}

#[test]
fn words_that_are_none_are_refused() {
    boot(&flash(1), Slot::Ota0, |device| {
        let image = image(CHIP_ID, "0.2.0");
        let sha256 = hexadecimal(&image.sha256);
        let no_hex = format!("{}g", &sha256[1..]);
        device.script(&format!(
            "ap: FIRMWARE BEGIN x {sha256} {sha256}{sha256}
            ap= -ERR value is not an integer or out of range|
            ap: FIRMWARE BEGIN -1 {sha256} {sha256}{sha256}
            ap= -ERR value is not an integer or out of range|
            ap: FIRMWARE BEGIN 5000 {no_hex} {sha256}{sha256}
            ap= -ERR the SHA-256 takes 64 hexadecimal digits|
            ap: FIRMWARE BEGIN 5000 {sha256} {sha256}
            ap= -ERR the signature takes 128 hexadecimal digits|
            ap: {} AGAIN
            ap= -ERR syntax error|
            ap: FIRMWARE TRY 9
            ap= -ERR FIRMWARE TRY takes 10 to 600 seconds|
            ap: FIRMWARE TRY 601
            ap= -ERR FIRMWARE TRY takes 10 to 600 seconds|
            ap: FIRMWARE TRY
            @run 100
            ap= -ERR no update was begun: FIRMWARE BEGIN comes first|
            ap: FIRMWARE BEGIN 5008 {sha256} {sha256}{sha256}
            @run 100
            ap= -ERR the signature is not by the key that this firmware was built with|
            ap: FIRMWARE BEGIN 99998 {sha256} {sha256}{sha256}
            @run 100
            ap= -ERR an image has 112 to 12288 bytes, a multiple of 16|
            ap: FIRMWARE WRITE 0 abcd
            @run 100
            ap= -ERR this connection sends no image: FIRMWARE BEGIN comes first|",
            begin(&image)
        ));
    });
}

#[test]
fn an_update_goes_through_and_is_confirmed() {
    let flash = flash(1);
    let new = image(CHIP_ID, "0.2.0");
    boot(&flash, Slot::Ota0, |device| {
        send(device, "ap", &new);
        device.script(
            r"
            ap: FIRMWARE STATUS
            ap~ $5|ready|
            ap: FIRMWARE TRY 30
            @run 2000
            ap$ +OK restarting into the image: FIRMWARE CONFIRM keeps it|
            ap2: FIRMWARE STATUS
            ap2~ $10|restarting|
            ",
        );
    });
    boot(&flash, Slot::Ota1, |device| {
        device.script(
            r#"
            @run 1000
            ap: FIRMWARE STATUS
            ap~ $5|trial|
            ap: CONFIG SET device.name kitchen
            ap= -ERR this firmware is on trial and stores no settings: FIRMWARE CONFIRM comes first|
            ap: CONFIG FACTORYRESET
            ap= -ERR this firmware is on trial and stores no settings: FIRMWARE CONFIRM comes first|
            ap: FIRMWARE CONFIRM
            @run 200
            ap= +OK|
            ap: CONFIG SET device.name kitchen
            ap= +OK|
            ap: FIRMWARE STATUS
            ap~ $4|idle|
            "#,
        );
    });
}

#[test]
fn a_trial_ends_when_its_time_is_over_and_restart_ends_it_too() {
    let flash = flash(1);
    boot(&flash, Slot::Ota0, |device| {
        send(device, "ap", &image(CHIP_ID, "0.2.0"));
        device.script("ap: FIRMWARE TRY 30\n@run 2000\nap~ +OK restarting");
    });
    boot(&flash, Slot::Ota1, |device| {
        device.script(
            r"
            @run 1000
            ap: FIRMWARE STATUS
            ap~ $16|confirm_within_s|:30|
            @run 20000
            ap: FIRMWARE STATUS
            ap~ $16|confirm_within_s|:10|
            ",
        );
        // A restart closes all connections.
        device.script("@run 9000\nap= \n@run 1000\nap$ ");
    });
    boot(&flash, Slot::Ota1, |device| {
        device.script("ap: RESTART\nap$ +OK restarting into the firmware before, as this one was not confirmed|");
    });
    boot(&flash, Slot::Ota1, |device| {
        device.script("ap: FIRMWARE ABORT\n@run 100\nap$ +OK restarting into the firmware before|");
    });
    boot(&flash, Slot::Ota0, |device| {
        device.script("ap: FIRMWARE STATUS\nap~ its trial ended without FIRMWARE CONFIRM");
    });
}

#[test]
fn two_senders_do_not_mix_and_one_that_is_gone_gives_way() {
    boot(&flash(1), Slot::Ota0, |device| {
        let (first, second) = (image(CHIP_ID, "0.2.0"), image(CHIP_ID, "0.3.0"));
        device.script(&format!("ap: {}\n@run 300\nap= :0|", begin(&first)));
        device.script(&format!("ap2: {}\nap2= -ERR another client is sending an image|", begin(&second)));
        device.send("ap2", &write(0, &second.bytes[..512]));
        device.script("ap2= -ERR this connection sends no image: FIRMWARE BEGIN comes first|");
        device.send("ap", &write(0, &first.bytes[..512]));
        device.script("@run 200\nap= :512|");
        // The connection is lost, and the next goes on.
        device.script("ap!");
        device.script(&format!("ap3: {}\n@run 300\nap3= :512|", begin(&first)));
        device.script("ap3: FIRMWARE WRITE 0 abcd\n@run 100\nap3= -ERR wrong offset, the next is 512|");
        // A sender that is silent gives way too.
        device.script(&format!("@run 10000\nap4: {}\n@run 300\nap4= :0|", begin(&second)));
        device.send("ap3", &write(512, &first.bytes[512..1024]));
        device.script("ap3= -ERR this connection sends no image: FIRMWARE BEGIN comes first|");
        device.script("ap4: FIRMWARE ABORT\n@run 200\nap4= +OK|");
    });
}

/// A request that is refused costs the client that sends nothing, and makes nobody the sender.
#[test]
fn a_begin_that_is_refused_takes_no_turn() {
    let flash = flash(1);
    let (new, other) = (image(CHIP_ID, "0.2.0"), image(CHIP_ID, "0.3.0"));
    let sha256 = hexadecimal(&new.sha256);
    let no_signature = format!("FIRMWARE BEGIN 5008 {sha256} {sha256}{sha256}");
    boot(&flash, Slot::Ota0, |device| {
        device.script(&format!("ap5: {}\n@run 300\nap5= :0|", begin(&new)));
        // The sender is gone, and a sector is being erased for it.
        device.send("ap5", &write(0, &new.bytes[..512]));
        device.script("ap5!");
        // The device still has to reply to it.
        device.script(&format!("ap6: {}\nap6= -ERR another client is sending an image|", begin(&other)));
        device.script("@run 200\nap5$ :512|");
        device.send("ap6", &write(512, &new.bytes[512..1024]));
        device.script("ap6= -ERR this connection sends no image: FIRMWARE BEGIN comes first|");
        device.script(&format!("ap: {}\n@run 300\nap= :512|", begin(&new)));
        // The sender is silent for so long that another one may begin.
        device.script("@run 10000");
        device.script(&format!("ap2: {no_signature}\n@run 200\nap2~ -ERR the signature is not by the key"));
        device.send("ap2", &write(512, &new.bytes[512..1024]));
        device.script("@run 200\nap2= -ERR this connection sends no image: FIRMWARE BEGIN comes first|");
        device.send("ap", &write(512, &new.bytes[512..1024]));
        device.script("@run 200\nap= :1024|\nap: FIRMWARE ABORT\n@run 200\nap= +OK|");
        send(device, "ap4", &new);
        device.script("ap4: FIRMWARE TRY 30\n@run 2000\nap4~ +OK restarting");
    });
    boot(&flash, Slot::Ota1, |device| {
        let on_trial = "-ERR this firmware is on trial: FIRMWARE CONFIRM or FIRMWARE ABORT comes first|";
        for client in ["ap", "ap2"] {
            device.script(&format!("{client}: {}\n@run 200\n{client}= {on_trial}", begin(&other)));
        }
    });
}

/// A client that asks again and again, just when a job of another is done.
#[test]
fn each_of_two_clients_gets_its_replies() {
    boot(&flash(1), Slot::Ota0, |device| {
        let new = image(CHIP_ID, "0.2.0");
        device.script(&format!("ap2: {}\n@run 300\nap2= :0|", begin(&new)));
        for (index, data) in new.bytes.chunks(512).enumerate() {
            device.send("ap2", &write(512 * index, data));
            let next = format!(":{}\r\n", 512 * index + data.len()).into_bytes();
            let answered = (0..300).find(|_| {
                // Whatever runs first in the next millisecond.
                device.wire("ap1").0.borrow_mut().input.extend(b"FIRMWARE CONFIRM\r\n");
                device.wait(1);
                device.bytes("ap1");
                device.bytes("ap2") == next
            });
            assert!(answered.is_some(), "no reply to chunk {index}");
            device.event("run 100");
            device.bytes("ap1");
        }
    });
}

/// The client that ends a trial was told that the firmware before comes back.
#[test]
fn a_trial_that_ends_is_not_confirmed_any_more() {
    let flash = flash(1);
    place(&flash, Slot::Ota0, &image(CHIP_ID, "0.1.0").bytes);
    let try_new = |flash: &Flash| {
        boot(flash, Slot::Ota0, |device| {
            send(device, "ap", &image(CHIP_ID, "0.2.0"));
            device.script("ap: FIRMWARE TRY 30\n@run 2000\nap~ +OK restarting");
        });
    };
    let ends = [
        "ap: FIRMWARE ABORT\n@run 100\nap$ +OK restarting into the firmware before|",
        "ap: RESTART\nap$ +OK restarting into the firmware before, as this one was not confirmed|",
        "@run 31100",
    ];
    for end in ends {
        try_new(&flash);
        boot(&flash, Slot::Ota1, |device| {
            device.script(end);
            device.script("lo: FIRMWARE CONFIRM\n@run 100\nlo= -ERR the device is about to restart|");
        });
        assert_eq!(bootload(&flash), Some(Slot::Ota0), "{end}");
    }
}

/// A client that closes its side behind its last request, such as `nc -N`.
#[test]
fn a_client_that_has_closed_its_side_gets_every_reply() {
    let flash = flash(1);
    boot(&flash, Slot::Ota0, |device| {
        let (other, new) = (image(CHIP_ID, "0.3.0"), image(CHIP_ID, "0.2.0"));
        let requests = [format!("{}\r\n", begin(&other)).into_bytes(), write(0, &other.bytes[..512])];
        device.send("ap", &requests.concat());
        device.script("ap!\n@run 600\nap$ :0|:512|");
        send(device, "ap2", &new);
        device.script("ap3: FIRMWARE TRY 30\nap3!\n@run 2000\nap3~ +OK restarting into the image");
    });
    boot(&flash, Slot::Ota1, |device| {
        device.script("ap4\\ FIRMWARE CONFIRM\\r\\nPING\\r\\n\nap4!\n@run 200\nap4$ +OK|+PONG|");
    });
}

#[test]
fn an_image_for_another_chip_is_refused_with_its_first_bytes() {
    boot(&flash(1), Slot::Ota0, |device| {
        let other = image(13, "0.2.0");
        device.script(&format!("ap: {}\n@run 300\nap= :0|", begin(&other)));
        device.send("ap", &write(0, &other.bytes[..512]));
        device.script("@run 200\nap= -ERR the image is for another chip, esp32c6|");
    });
}

/// A client whose requests come while the flash is erased gets its replies at once, and messages come to subscribers.
#[test]
fn others_are_served_while_an_image_is_received() {
    boot(&flash(1), Slot::Ota0, |device| {
        device.script("ap5: SUBSCRIBE lm35\nap5= *3|$9|subscribe|$4|lm35|:1|");
        let new = image(CHIP_ID, "0.2.0");
        device.script(&format!("ap: {}\n@run 300\nap= :0|", begin(&new)));
        device.send("ap", &write(0, &new.bytes[..512]));
        // Nothing has answered yet: the sector is being erased.
        device.script("ap= ");
        device.script("ap6: PING\nap6= +PONG|\n@sample 0 235\nap5= *3|$7|message|$4|lm35|$4|23.5|");
        device.script("@run 200\nap= :512|");
    });
}
