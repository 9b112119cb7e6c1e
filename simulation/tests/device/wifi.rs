//! WIFI and the parameters of the Wi-Fi: what people type, and what becomes of it.

use sockeye_device::limits::RESET_CHANGES;
use sockeye_device::{App, AppResources, Settings};
use sockeye_wifi::{Network, Secret};

use crate::board::Board;
use crate::script::{Device, check, check_on};

/// A device in its box, on the air.
const NEW: &str = "@radio\n@told configure 01 false, start sockeye-3f2a 192.168.1.1/24 own\n@wifi ap-started\n";

fn check_new(script: &str) {
    check(&format!("{NEW}{script}"));
}

/// Stages, tries and confirms the network `home`, with a client over the device's own network.
const CONFIRMED: &str = "ap: CONFIG SET wifi.ssid home wifi.password correct-horse
    ap= +OK|
    ap: WIFI TRY
    @told join home 'correct-horse' dhcp as sockeye-3f2a
    @wifi joined
    @wifi address 10.0.0.7
    ap= *6|$4|ssid|$4|home|$7|address|$8|10.0.0.7|$16|confirm_within_s|:120|
    ap: WIFI CONFIRM
    ap= +OK|
";

#[test]
fn a_network_is_staged_tried_and_confirmed() {
    let board = Board::default();
    check_on(
        &board,
        &format!(
            "{NEW}{CONFIRMED}
             ap: WIFI STATUS
             ap= *16|$4|mode|$6|ap+sta|$5|state|$6|online|$4|ssid|$4|home|$7|address|$8|10.0.0.7|$7|retries|$1|0|$9|network_1|$4|home|$7|ap_ssid|$12|sockeye-3f2a|$10|ap_clients|$1|0|"
        )
        ,
    );
    assert_eq!(board.stored.borrow().networks[0].ssid, "home");
    // After a power cut.
    check_on(
        &board,
        "@radio
         @told configure 01 false, join home 'correct-horse' dhcp as sockeye-3f2a",
    );
}

#[test]
fn confirm_may_come_over_the_new_network() {
    let board = Board::default();
    check_on(
        &board,
        &format!(
            "{NEW}ap: CONFIG SET wifi.ssid home
             ap= +OK|
             sta: WIFI TRY
             sta~ -DENIED
             sta: WIFI CONFIRM
             sta= -ERR no network is being tried: it was confirmed, the time is over, or WIFI TRY comes first|
             ap: WIFI TRY 10
             sta: WIFI CONFIRM
             sta= -ERR the device has no address in the network yet|
             @wifi joined
             @wifi address 10.0.0.7
             ap~ 10.0.0.7
             sta: WIFI ABORT
             sta~ -DENIED
             sta: WIFI CONFIRM
             sta= +OK|
             @wait 20000
             sta: WIFI STATUS
             sta~ |$6|online|
             @told join home '' dhcp as sockeye-3f2a"
        ),
    );
    assert_eq!(board.stored.borrow().networks.len(), 1);
}

/// An address by DHCP proves the network; one that was configured may be of no use there, and nobody could come back
/// to say so.
#[test]
fn an_own_address_is_confirmed_from_where_it_must_work() {
    let board = Board::default();
    check_on(
        &board,
        &format!(
            "{NEW}ap: CONFIG SET wifi.ssid home wifi.ip 10.0.0.7/24
             ap= +OK|
             ap: WIFI TRY
             @wifi joined
             @wifi address 10.0.0.7
             ap~ 10.0.0.7
             ap: WIFI CONFIRM
             ap= -ERR nobody knows yet that this address works: WIFI CONFIRM must come over the new network|
             sta: WIFI CONFIRM
             sta= +OK|
             @told join home '' 10.0.0.7/24 None as sockeye-3f2a"
        ),
    );
    assert_eq!(board.stored.borrow().networks.len(), 1);
}

#[test]
fn a_wrong_password_is_told_and_can_be_corrected() {
    let board = Board::default();
    check_on(
        &board,
        &format!(
            "{NEW}ap: CONFIG SET wifi.ssid home wifi.password wrong-horse
             ap= +OK|
             ap: WIFI TRY
             ap2: WIFI TRY
             ap2= -ERR a network is being tried: WIFI CONFIRM or WIFI ABORT comes first|
             ap2: CONFIG SET wifi.password other-horse
             ap2= -ERR CONFIG SET failed (possibly related to argument 'wifi.password') - a network is being tried: WIFI CONFIRM or WIFI ABORT comes first|
             @wifi wrong-password
             ap= -ERR the network was not joined: the password is wrong; the device goes back|
             ap: INFO wifi
             ap~ wifi_last_failure:the password is wrong|wifi_last_failure_ssid:home|wifi_last_failure_age_s:0|wifi_staged:home|
             ap: CONFIG SET wifi.password correct-horse
             ap= +OK|
             ap: WIFI TRY
             @told join home 'wrong-horse' dhcp as sockeye-3f2a, join home 'correct-horse' dhcp as sockeye-3f2a
             @wifi joined
             @wifi address 10.0.0.7
             ap~ 10.0.0.7
             @wait 119999
             ap: WIFI STATUS
             ap~ |$16|confirm_within_s|$1|1|
             @wait 1
             ap: WIFI CONFIRM
             ap= -ERR no network is being tried: it was confirmed, the time is over, or WIFI TRY comes first|
             @wifi left
             ap: WIFI STATUS
             ap~ |$5|state|$3|off|
             @told leave"
        ),
    );
    assert_eq!(board.stored.borrow().networks.len(), 0, "nothing is stored that was not confirmed");
}

#[test]
fn a_trial_is_aborted() {
    check_new(
        "ap: CONFIG SET wifi.ssid home
         ap= +OK|
         ap: WIFI TRY
         ap2: WIFI ABORT
         ap2= +OK|
         ap= -ERR the network was not joined: WIFI ABORT; the device goes back|
         ap: CONFIG GET wifi.ssid
         ap= *2|$9|wifi.ssid|$4|home|
         ap: WIFI ABORT
         ap= +OK|
         ap: CONFIG GET wifi.ssid
         ap= *2|$9|wifi.ssid|$0||
         ap: WIFI TRY
         ap= -ERR no network is staged: CONFIG SET wifi.ssid S wifi.password P comes first|
         @told join home '' dhcp as sockeye-3f2a, leave",
    );
}

#[test]
fn over_the_network_that_is_left_the_reply_comes_first() {
    check_new(&format!(
        "{CONFIRMED}
         ap: CONFIG SET auth.token correct-horse
         ap= +OK|
         sta: AUTH correct-horse
         sta= +OK|
         sta: CONFIG SET wifi.ssid work
         sta= +OK|
         sta: WIFI TRY 30
         sta= *10|$4|ssid|$4|work|$7|address|$-1|$16|confirm_within_s|:30|$16|outcome_within_s|:60|$23|if_the_connection_drops|$91|join the new network and send WIFI CONFIRM there; a device that failed is back where it was|
         @told 
         @wait 500
         @told leave
         @wifi left
         @told join work '' dhcp as sockeye-3f2a
         @wifi not-found
         @told join home 'correct-horse' dhcp as sockeye-3f2a"
    ));
}

/// Where the driver restarts the access point, a client in it may never see a reply that waits for the outcome.
#[test]
fn over_an_access_point_that_restarts_the_reply_comes_first() {
    check(
        "@radio restarts
         @told configure 01 false, start sockeye-3f2a 192.168.1.1/24 own
         @wifi ap-started
         ap: CONFIG SET wifi.ssid home
         ap= +OK|
         ap: WIFI TRY
         ap= *10|$4|ssid|$4|home|$7|address|$-1|$16|confirm_within_s|:120|$16|outcome_within_s|:60|$23|if_the_connection_drops|$56|join the device's access point again and ask WIFI STATUS|
         @told 
         @wait 500
         @told leave
         @wifi left
         @told join home '' dhcp as sockeye-3f2a
         @wifi joined
         @wifi address 10.0.0.7
         ap: WIFI STATUS
         ap~ |$7|address|$8|10.0.0.7|
         ap: WIFI CONFIRM
         ap= +OK|",
    );
}

#[test]
fn networks_in_the_air_are_listed() {
    check_new(
        "ap: WIFI SCAN
         @told scan
         ap2: WIFI SCAN
         @wifi heard home -60
         @wifi heard cafe -71 open
         @wifi heard home -40
         @wifi scanned
         ap= *2|*3|$4|home|:-40|$8|password|*3|$4|cafe|:-71|$4|open|
         ap2= *2|*3|$4|home|:-40|$8|password|*3|$4|cafe|:-71|$4|open|
         @told 
         ap: WIFI SCAN
         @wifi scan-failed
         ap= -ERR the radio could not scan, try again|
         ap: WIFI SCAN
         @wait 10000
         ap= -ERR the radio could not scan, try again|
         @told scan, scan
         sta: WIFI SCAN
         sta~ -DENIED
         ap: WIFI SCAN
         ap!
         ap= 
         @wifi scan-failed
         ap$ -ERR the radio could not scan, try again|",
    );
}

#[test]
fn a_network_is_forgotten() {
    let board = Board::default();
    check_on(
        &board,
        &format!(
            "{NEW}{CONFIRMED}
             ap: WIFI FORGET nosuch
             ap= -ERR no such network is stored|
             ap: WIFI FORGET home
             ap= +OK|
             @wait 500
             @told leave
             @wifi left
             ap: WIFI STATUS
             ap~ |$4|mode|$2|ap|$5|state|$3|off|"
        ),
    );
    assert!(board.stored.borrow().networks.is_empty());
}

#[test]
fn a_network_too_many_is_refused_before_it_is_tried() {
    let mut script = NEW.to_owned();
    for name in ["a", "b", "c"] {
        let leave = if name == "a" { "" } else { "@wait 500\n@wifi left" };
        script += &format!(
            "ap: CONFIG SET wifi.ssid {name}
             ap= +OK|
             ap: WIFI TRY
             {leave}
             @wifi joined
             @wifi address 10.0.0.7
             ap~ 10.0.0.7
             ap: WIFI CONFIRM
             ap= +OK|
            "
        );
    }
    script += "ap: CONFIG SET wifi.ssid d
         ap= +OK|
         ap: WIFI TRY
         ap= -ERR as many networks as there is room for are stored, 3: WIFI FORGET one first|
         # A stored one can be changed, and has its password still.
         ap: CONFIG SET wifi.ssid b wifi.ip 10.0.0.9/24 wifi.gateway 10.0.0.1
         ap= +OK|
         ap: CONFIG GET wifi.*
         ap~ |$12|wifi.gateway|$8|10.0.0.1|$7|wifi.ip|$11|10.0.0.9/24|
         ap: WIFI TRY
         @wait 500
         @wifi left
         @told join a '' dhcp as sockeye-3f2a, leave, join b '' dhcp as sockeye-3f2a, leave, join c '' dhcp as sockeye-3f2a, leave, join b '' 10.0.0.9/24 Some(10.0.0.1) as sockeye-3f2a
         @wifi not-found
         ap~ -ERR";
    check(&script);
}

#[test]
fn what_can_not_be_is_refused_in_clear_words() {
    const FAILED: &str = "-ERR CONFIG SET failed (possibly related to argument";
    check_new(&format!(
        "ap: CONFIG SET wifi.password correct-horse
         ap= {FAILED} 'wifi.password') - set wifi.ssid first, or with it|
         ap: CONFIG SET wifi.ssid \"\"
         ap= {FAILED} 'wifi.ssid') - a network's name has 1 to 32 bytes of UTF-8, and no control characters|
         ap: CONFIG SET wifi.ssid home wifi.password short
         ap= {FAILED} 'wifi.password') - a password has 8 to 63 printable ASCII characters, or 64 hexadecimal digits; an open network's is empty|
         ap: CONFIG SET wifi.ssid home wifi.ip 10.0.0.0/24
         ap= {FAILED} 'wifi.ip') - an address is 'dhcp', or one of a host with its prefix length, such as 192.168.1.7/24|
         ap: CONFIG SET wifi.ssid home wifi.gateway 10.0.0.1
         ap= {FAILED} 'wifi.gateway') - the router gives one: set wifi.ip first, or with it|
         ap: CONFIG SET wifi.ssid home wifi.ip 10.0.0.2/24 wifi.gateway 10.0.1.1
         ap= {FAILED} 'wifi.gateway') - a gateway is another host's address in the same network, or empty|
         ap: CONFIG SET wifi.country germany
         ap= {FAILED} 'wifi.country') - a country is two letters, or 01|
         ap: CONFIG SET ap.open maybe
         ap= {FAILED} 'ap.open') - argument must be 'yes' or 'no'|
         ap: CONFIG SET wifi.ssid home device.name no/name
         ap~ {FAILED} 'device.name')
         ap: WIFI TRY
         ap= -ERR no network is staged: CONFIG SET wifi.ssid S wifi.password P comes first|
         ap: CONFIG SET wifi.ssid home
         ap= +OK|
         ap: WIFI TRY 5
         ap= -ERR WIFI TRY takes 10 to 600 seconds|
         ap: WIFI TRY 20 30
         ap= -ERR syntax error|
         ap: WIFI CONFIRM
         ap= -ERR no network is being tried: it was confirmed, the time is over, or WIFI TRY comes first|"
    ));
}

#[test]
fn the_own_network_takes_over_what_is_configured() {
    let board = Board::default();
    check_on(
        &board,
        &format!(
            "{NEW}ap: CONFIG SET device.name kitchen ap.passphrase correct-horse ap.ip 192.168.4.1/24 wifi.country de wifi.powersave yes
             ap= +OK|
             @told configure DE true
             @wait 500
             @told start kitchen 192.168.4.1/24 set
             @wifi ap-started
             ap: CONFIG SET ap.open yes
             ap= +OK|
             @wait 500
             @told start kitchen 192.168.4.1/24 open
             @wifi ap-started
             ap: CONFIG GET ap.* wifi.country
             ap= *8|$9|ap.always|$2|no|$5|ap.ip|$14|192.168.4.1/24|$7|ap.open|$3|yes|$12|wifi.country|$2|DE|"
        ),
    );
}

/// Complaint 13 and what is like it: nobody is shown a secret.
#[test]
fn no_secret_is_sent_back() {
    let board = Board::default();
    board.step_us.set(6_000);
    check_on(
        &board,
        "@radio
         @wifi ap-started
         ap2: MONITOR
         ap2= +OK|
         ap: CONFIG SET wifi.ssid home wifi.password correct-horse ap.passphrase battery-staple
         ap= +OK|
         ap2= 
         ap: CONFIG GET wifi.password ap.passphrase auth.token
         ap= *0|
         ap2~ \"CONFIG\" \"GET\"",
    );
    for request in ["CONFIG GET *", "INFO", "WIFI STATUS", "SLOWLOG GET"] {
        let script = format!(
            "@radio
             @wifi ap-started
             ap: CONFIG SET wifi.ssid home wifi.password correct-horse ap.passphrase battery-staple
             ap= +OK|
             ap: {request}
             ap? horse
             ap? staple"
        );
        check_on(&Board::default(), &script);
    }
}

#[test]
fn what_is_not_stored_is_not_confirmed() {
    let board = Board::default();
    board.is_flash_broken.set(true);
    check_on(
        &board,
        &format!(
            "{NEW}ap: CONFIG SET wifi.ssid home
             ap= +OK|
             ap: WIFI TRY 10
             @wifi joined
             @wifi address 10.0.0.7
             ap~ 10.0.0.7
             ap: WIFI CONFIRM
             ap~ -ERR WIFI CONFIRM failed - storing failed
             @wait 10000
             ap: WIFI STATUS
             ap~ |$7|leaving|"
        ),
    );
}

#[test]
fn a_factory_reset_forgets_all() {
    let board = Board::default();
    check_on(
        &board,
        &format!(
            "{NEW}{CONFIRMED}
             ap: CONFIG SET device.name kitchen auth.token correct-horse
             ap= +OK|
             sta: CONFIG FACTORYRESET
             sta= -NOAUTH Authentication required.|
             ap: CONFIG FACTORYRESET
             ap= +OK|
             sta$ 
             @wait 500
             @told leave, start sockeye-3f2a 192.168.1.1/24 own
             ap: CONFIG GET device.name
             ap= *2|$11|device.name|$12|sockeye-3f2a|"
        ),
    );
    assert_eq!(*board.stored.borrow(), Settings { changes_spent: 2 + RESET_CHANGES, ..Settings::default() });
}

/// RFC 6762 section 10.1: what was announced by mDNS is taken back in time.
#[test]
fn no_name_is_announced_while_the_device_leaves_its_network_or_restarts() {
    let board = Board::default();
    let (mut histories, mut resources) = (board.histories(), AppResources::new());
    let app = App::new(&board, &mut resources, &mut histories, Settings::default()).unwrap();
    let mut device = Device::new(&board, &app);
    let name = || app.announced_name().map(|name| name.to_string());
    device.script(&format!("{NEW}{CONFIRMED}"));
    assert_eq!(name().as_deref(), Some("sockeye-3f2a"));
    device.script("ap: WIFI FORGET home\nap= +OK|\n@wait 499");
    assert_eq!(name(), None);
    device.script("@wait 1\n@wifi left");
    assert_eq!(name().as_deref(), Some("sockeye-3f2a"));
    device.script("ap: RESTART\nap$ +OK|");
    assert_eq!(name(), None);
}

/// The settings of the firmware's build are in force at once, and again after the next boot, not only after that.
#[test]
fn a_factory_reset_brings_back_what_the_firmware_was_built_with() {
    let board = Board::default();
    let network = Network { password: Secret::new(b"eight888").unwrap(), ..Network::new(b"barn").unwrap() };
    board.factory_settings.borrow_mut().networks.push(network).unwrap();
    board.factory_settings.borrow_mut().ap.is_open = true;
    check_on(
        &board,
        &format!(
            "{NEW}ap: CONFIG FACTORYRESET
             ap= +OK|
             @told join barn 'eight888' dhcp as sockeye-3f2a
             @wait 500
             @told start sockeye-3f2a 192.168.1.1/24 open"
        ),
    );
    assert_eq!(*board.stored.borrow(), Settings { changes_spent: RESET_CHANGES, ..Settings::default() });
}

/// Otherwise the settings of the firmware's build were back after the next boot: an access point that is open, for one.
#[test]
fn a_change_back_to_the_defaults_is_stored_as_a_change() {
    let board = Board::default();
    check_on(
        &board,
        "ap: CONFIG SET device.name kitchen ap.open yes
         ap= +OK|
         ap: CONFIG SET device.name \"\" ap.open no
         ap= +OK|",
    );
    let expected = Settings { is_configured: true, changes_spent: 2, ..Settings::default() };
    assert_eq!(*board.stored.borrow(), expected);
}

#[test]
fn a_device_without_a_radio_says_so() {
    check(
        "ap: WIFI STATUS
         ap= *2|$4|mode|$4|none|
         ap: INFO wifi
         ap= $24|# WiFi|wifi_mode:none||
         ap: WIFI SCAN
         ap= -ERR this device has no Wi-Fi|
         ap: WIFI TRY
         ap= -ERR this device has no Wi-Fi|
         ap: WIFI CONFIRM
         ap= -ERR this device has no Wi-Fi|",
    );
}
