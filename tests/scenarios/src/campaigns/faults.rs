//! Every fault that a vendor or the network can show, alone, in pairs and as a storm.
