# shellcheck shell=bash
# Sourced by the scripts that build a program as one outside of this repository would: from packages, in an empty folder.

# pack FOLDER: packs the three crates and unpacks them into FOLDER/basket/crates, where programs in FOLDER find them. If they are
# there already, they are taken as they are.
pack() {
    local root folder=$1 crate
    root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    [ ! -e "$folder/basket" ] || return 0
    (cd "$root" && cargo package --quiet --allow-dirty --no-verify -p basket-domain -p basket-mongo -p basket-cli \
        --target-dir "$folder/packed" 2>"$folder/log") || { cat "$folder/log"; exit 1; }
    mkdir -p "$folder/basket/crates" "$folder/.cargo"
    for crate in basket-domain basket-mongo basket-cli; do
        tar xzf "$folder/packed/package/$crate-"*.crate -C "$folder/basket/crates"
        mv "$folder/basket/crates/$crate-"* "$folder/basket/crates/$crate"
        cp "$root/Cargo.lock" "$folder/basket/crates/$crate"
    done
    # The packages name each other by version, as on a registry.
    cat >"$folder/.cargo/config.toml" <<TOML
[patch.crates-io]
basket-cli = { path = "$folder/basket/crates/basket-cli" }
basket-domain = { path = "$folder/basket/crates/basket-domain" }
basket-mongo = { path = "$folder/basket/crates/basket-mongo" }

[profile.dev]
debug = "line-tables-only"
[profile.dev.package."*"]
debug = false
TOML
}
