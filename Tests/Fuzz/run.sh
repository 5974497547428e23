#!/usr/bin/env bash
# Fuzzes the readers of weights files with libFuzzer and the address sanitizer: Tests/Fuzz/run.sh [SECONDS [HARNESS]]
# Each harness (a Swift file here) runs SECONDS (60); what it learns is kept in .build/fuzz/corpus-HARNESS.
# A finding is left in .build/fuzz/HARNESS-crash-…; give it a test of its own when it is mended.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=${1:-60}
harnesses=${2:-Weights Pickle}
out=.build/fuzz
mkdir -p "$out"

compile() { # module sources…
	local module=$1
	shift
	swiftc -O -wmo -parse-as-library -swift-version 6 -package-name lucency -sanitize=fuzzer,address \
		-I "$out" -I Sources/CCrypto -module-name "$module" -emit-module -emit-module-path "$out/$module.swiftmodule" \
		-c "$@" -o "$out/$module.o"
}
compile LucencyFoundation $(find Sources/LucencyFoundation -name '*.swift')
compile LucencyNetworks $(find Sources/LucencyNetworks/Weights -name '*.swift')

for harness in $harnesses; do
	swiftc -O -parse-as-library -swift-version 6 -sanitize=fuzzer,address -I "$out" -I Sources/CCrypto \
		"Tests/Fuzz/$harness.swift" "$out/LucencyFoundation.o" "$out/LucencyNetworks.o" -lcrypto -o "$out/$harness" \
		2> "$out/$harness.log" || { cat "$out/$harness.log" >&2; exit 1; }
	corpus=$out/corpus-$harness
	mkdir -p "$corpus"
	case $harness in
	Weights)
		cp Tests/LucencyNetworksTests/Fixtures/*.pt "$corpus"
		# A header of 132 = 0204 bytes, then 11 bytes of numbers.
		printf '\204\0\0\0\0\0\0\0%s%s0123456789a' '{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],' \
			'"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}' > "$corpus/small.safetensors"
		;;
	Pickle)
		# The pickles of the zip fixtures; unzip is only wanted for this.
		if command -v unzip > /dev/null; then
			for file in Tests/LucencyNetworksTests/Fixtures/*.pt; do
				unzip -p "$file" '*/data.pkl' > "$corpus/$(basename "$file" .pt).pkl" 2> /dev/null || rm -f "$corpus/$(basename "$file" .pt).pkl"
			done
		fi
		;;
	esac
	echo "$harness: $seconds s"
	SWIFT_BACKTRACE=enable=no "$out/$harness" "$corpus" -max_total_time="$seconds" -max_len=20000 -timeout=20 \
		-rss_limit_mb=4096 -detect_leaks=1 -artifact_prefix="$out/$harness-" -print_final_stats=1 \
		2>&1 | grep -v 'Cannot export local symbol' | tail -n 25
done
