/// The texts of a bundle: what to do with it, and the scripts that do it.
enum EvidenceScript {
    /// Says what is in the folder and what it proves.
    static let readme = """
        # Evidence from a Sallyport access log

        Each `record-N.json` is one record of the log, the one at index N. `record-N.tlog-proof` \
        proves that the log has held exactly this record since the checkpoint in it was signed \
        (C2SP tlog-proof). `vkey` is the public key of the log, and `checkpoint` the signed note \
        that the proofs end at.

        ## Verify it

        ```
        bash verify.sh            # with the key in this folder
        bash verify.sh VKEY-FILE  # with the key that you got from the log's owner
        ```

        Exit code 0: all records hold; 1: one does not. The script needs bash, sed, coreutils, \
        `jq`, `sha256sum` and `openssl`, and nothing of Sallyport. Read it: it is two pages.

        Take the key from its owner, not from here: a key that came with the evidence only shows \
        that the parts of this folder fit each other. `SHA256SUMS` shows that the folder was not \
        damaged on its way (`sha256sum -c SHA256SUMS`); it proves nothing else.

        ## What is shown, step by step

        1. A part's hash is SHA-256 of the byte 10 (hexadecimal), the part's number (core 0, \
        subject 1, detail 2), its salt and its JSON, printed as `jq -jcS` does. Where a part was \
        held back, its hash stands in `hashes` instead.
        2. The commitment is SHA-256 of the bytes 11 03 and the three hashes; the entry is "al1", \
        the record's kind and the commitment.
        3. The leaf is SHA-256 of the byte 00 and the entry. The hashes of the proof lead from it \
        to the root, as in RFC 9162, section 2.1.3.2.
        4. The root is the third line of the checkpoint, which is signed with Ed25519.

        """

    /// Verifies all records of the folder.
    static let all = ##"""
        #!/bin/bash
        # Verifies every record of this folder: bash verify.sh [VKEY-FILE]
        # Exit 0: all hold. 1: one does not, or there is none.
        set -uo pipefail
        export LC_ALL=C
        here=${BASH_SOURCE[0]%/*}
        [ "$here" = "${BASH_SOURCE[0]}" ] && here=.
        vkey=${1:-$here/vkey}
        failed=0
        count=0
        for record in "$here"/record-*.json; do
            [ -e "$record" ] || break
            proof=${record%.json}.tlog-proof
            name=${record##*/record-}
            name=${name%.json}
            # The record says which one it is: the proof has to be that one's.
            index=$(jq -r .index "$record")
            proven=$(sed -n 's/^index //p;/^$/q' "$proof")
            if [ "$index" != "$proven" ] || [ "$index" != "$name" ]; then
                echo "does not hold: record-$name.json is $index, its proof is of $proven" >&2
                failed=1
            elif ! bash "$here/verify-record" "$vkey" "$proof" "$record"; then
                failed=1
            fi
            count=$((count + 1))
        done
        if [ "$count" -eq 0 ]; then
            echo "does not hold: there is no record here" >&2
            failed=1
        fi
        [ "$failed" -eq 0 ] && echo "all $count records hold"
        exit "$failed"

        """##

    /// Verifies one record; `scripts/verify-record` of the source tree.
    static let record = ##"""
        #!/bin/bash
        # Verifies one record of an audit log with nothing but jq, sha256sum, base64 and openssl.
        #
        #   scripts/verify-record VKEY PROOF [RECORD]
        #
        # VKEY    a file with the log's name and key, name+hash+key, as `sallyport keygen` prints it
        # PROOF   what `sallyport-audit prove` wrote
        # RECORD  what `sallyport-audit prove --with-record` wrote: the parts core, subject and detail,
        #         and their salts. Where a part is withheld, its hash stands in "hashes" instead.
        #         Without RECORD, the leaf hash is read from the variable LEAF, 64 hexadecimal digits.
        #
        # Exit 0: it holds. 1: it does not. The steps: docs/audit-log-format.md §2, §4, §9.
        set -euo pipefail
        export LC_ALL=C

        fail() {
            echo "does not hold: $1" >&2
            exit 1
        }

        # Bytes from hexadecimal digits, and back.
        bytes() { printf "$(sed 's/../\\x&/g' <<<"$1")"; }
        hex() { od -An -v -tx1 | tr -d ' \n'; }
        sha256() { sha256sum | cut -c1-64; }
        node() { bytes "01$1$2" | sha256; }

        vkey=$(<"$1")
        proof=$2

        # ---- the record, up to its leaf
        if [ $# -ge 3 ]; then
            names=(core subject detail)
            hashes=
            for part in 0 1 2; do
                hash=$(jq -r ".hashes[$part] // empty" "$3")
                if [ -z "$hash" ]; then
                    hash=$({
                        bytes "10$(printf %02x "$part")$(jq -r ".salts[$part]" "$3")"
                        jq -jcS ".${names[part]}" "$3"
                    } | sha256)
                fi
                hashes+=$hash
            done
            commitment=$(bytes "1103$hashes" | sha256)
            entry=$(jq -r .entry "$3")
            [ "${entry:0:6}" = 616c31 ] || fail "the entry does not begin with al1"
            [ "${entry:8}" = "$commitment" ] ||
                fail "the record is not the one its entry commits to"
            leaf=$(bytes "00$entry" | sha256)
        else
            leaf=${LEAF:?no record and no LEAF}
        fi

        # ---- the proof, up to the root (RFC 9162 §2.1.3.2)
        [ "$(sed -n 1p "$proof")" = "c2sp.org/tlog-proof@v1" ] || fail "not a proof: $proof"
        index=$(sed -n 's/^index //p;/^$/q' "$proof")
        mapfile -t path < <(sed -n '/^$/q;/^c2sp\|^extra \|^index /!p' "$proof")
        note=$(mktemp -d)
        trap 'rm -rf "$note"' EXIT
        # After the first blank line comes the note: its text, a blank line, its signatures.
        sed '1,/^$/d' "$proof" >"$note/all"
        sed '/^$/,$d' "$note/all" >"$note/text"
        origin=$(sed -n 1p "$note/text")
        size=$(sed -n 2p "$note/text")
        root=$(sed -n 3p "$note/text" | base64 -d | hex)
        [ "$index" -lt "$size" ] || fail "index $index is not below the size $size"

        number=$index
        last=$((size - 1))
        hash=$leaf
        for line in "${path[@]}"; do
            [ "$last" -gt 0 ] || fail "the proof is too long"
            other=$(base64 -d <<<"$line" | hex)
            if ((number % 2 == 1 || number == last)); then
                hash=$(node "$other" "$hash")
                while ((number % 2 == 0 && number > 0)); do
                    number=$((number / 2))
                    last=$((last / 2))
                done
            else
                hash=$(node "$hash" "$other")
            fi
            number=$((number / 2))
            last=$((last / 2))
        done
        [ "$last" -eq 0 ] || fail "the proof is too short"
        [ "$hash" = "$root" ] || fail "the proof leads to the root $hash, the checkpoint says $root"

        # ---- the checkpoint's signature
        name=${vkey%%+*}
        rest=${vkey#*+}
        id=${rest%%+*}
        key=$(base64 -d <<<"${rest#*+}" | hex)
        [ "${key:0:2}" = 01 ] || fail "the key is not Ed25519"
        # A log's name is the configured name and its id; one key signs all logs under the name.
        case $origin in
        "$name" | "$name"/*) ;;
        *) fail "the checkpoint is of $origin, the key of $name" ;;
        esac
        identity() {
            {
                printf '%s\n' "$1"
                bytes "$key"
            } | sha256 | cut -c1-8
        }
        [ "$(identity "$name")" = "$id" ] || fail "the key's hash does not fit its name"
        id=$(identity "$origin")

        found=
        while read -r dash signer signature; do
            [ "$dash" = "—" ] && [ "$signer" = "$origin" ] || continue
            signature=$(base64 -d <<<"$signature" | hex)
            [ "${signature:0:8}" = "$id" ] && found=${signature:8}
        done <"$note/all"
        [ -n "$found" ] || fail "the checkpoint has no signature by $origin"
        bytes "$found" >"$note/signature"
        bytes "302a300506032b6570032100${key:2}" >"$note/key.der"
        openssl pkeyutl -verify -pubin -keyform DER -inkey "$note/key.der" -rawin \
            -in "$note/text" -sigfile "$note/signature" >/dev/null 2>&1 ||
            fail "the checkpoint's signature is wrong"

        echo "holds: index $index of $origin, under the checkpoint of size $size"

        """##
}
