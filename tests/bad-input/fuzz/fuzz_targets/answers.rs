#![no_main]

bad_input_fuzz::door!("answers");
