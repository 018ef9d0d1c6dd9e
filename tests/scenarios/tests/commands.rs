//! Commands as an operator types them.

use scenarios::processes::Programs;

/// Every sample of the deployment goes through its mapping, whatever form ids take in the target.
#[test]
fn mappings_are_tried_on_their_samples() {
    let programs = Programs::start_all(1, 1, |_| {});
    let samples = [
        ("cin7-omni/credit_notes", "credit-note.json"),
        ("cin7-omni/credit_notes", "credit-note-tax-included.json"),
        ("cin7-core/credit_notes", "credit-note.json"),
        ("cin7-core/credit_notes", "credit-note-usd.json"),
        ("zudello/ar_credit_notes", "ar-credit-note.json"),
        ("zudello/ar_credit_notes", "ar-credit-note-landed-cost.json"),
    ];
    for (mapping, sample) in samples {
        let vendor = mapping.split('/').next().expect("a vendor");
        let document = programs
            .config()
            .join(format!("mappings/{vendor}/samples/{sample}"));
        let ended = programs.run(["map", mapping, &document.to_string_lossy()]);
        assert_eq!(ended.code, Some(0), "{mapping} {sample}: {ended:#?}");
        for part in ["LineItems.0.Description", "\"Type\": \"ACCRECCREDIT\""] {
            assert!(
                ended.stdout.contains(part),
                "{mapping} {sample}: {}",
                ended.stdout
            );
        }
    }
}
