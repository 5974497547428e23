#!/usr/bin/env bash
# Fuzzes the readers with libFuzzer and the address sanitizer: Tests/Fuzz/run.sh [SECONDS [HARNESS…]]
# Each harness runs SECONDS (60), from seeds of the repository; what it learns is kept in .build/fuzz/corpus-HARNESS.
# A finding is left in .build/fuzz/HARNESS-crash-…, and the status is 1; give it a test of its own when it is mended.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=${1:-60}
shift || true
harnesses=${*:-png tiff jpeg graph manifest weights pickle}
out=.build/fuzz

# lld, because gold fails at what the sanitizer's run-time exports.
swift build -c release --package-path Tests/Fuzz --scratch-path "$out" --disable-index-store --product lucency-fuzz \
	--sanitize address -Xswiftc -sanitize=fuzzer -Xswiftc -use-ld=lld -Xcc -fsanitize=fuzzer-no-link
program=$(find "$out" -path '*/release/lucency-fuzz' -type f | head -n 1)

seed() { # harness corpus
	local formats=Tests/LucencyFormatsTests/Fixtures weights=Tests/LucencyNetworksTests/Fixtures
	local texts=Tests/LucencyPipelineTests/Fixtures
	case $1 in
	png) cp "$formats"/png/*.png "$2" ;;
	tiff) cp "$formats"/tiff/*.tif "$formats"/tiff/*.tiff "$2" ;;
	jpeg) cp "$formats"/jpeg/*.jpg "$2" ;;
	graph) cp pipelines/*.yaml "$texts"/broken/*.yaml "$2" ;;
	manifest) cp "$texts"/runs/manifest.jsonl "$2" ;;
	weights)
		cp "$weights"/*.pt "$2"
		# A header of 132 = 0204 bytes, then 11 bytes of numbers.
		printf '\204\0\0\0\0\0\0\0%s%s0123456789a' '{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],' \
			'"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}' > "$2/small.safetensors"
		;;
	pickle)
		# The pickles of the zip fixtures; unzip is only wanted for this.
		command -v unzip > /dev/null || return 0
		local file name
		for file in "$weights"/*.pt; do
			name=$2/$(basename "$file" .pt).pkl
			unzip -p "$file" '*/data.pkl' > "$name" 2> /dev/null || rm -f "$name"
		done
		;;
	esac
}

status=0
for harness in $harnesses; do
	corpus=$out/corpus-$harness
	mkdir -p "$corpus"
	seed "$harness" "$corpus"
	words=()
	if [ -f "Tests/Fuzz/$harness.dict" ]; then words=(-dict="Tests/Fuzz/$harness.dict"); fi
	echo "$harness: $seconds s"
	# One allocation may take 256 MB, the limits that the harnesses set and what decoders need besides.
	SWIFT_BACKTRACE=enable=no "$program" "$harness" "$corpus" -max_total_time="$seconds" -max_len=20000 -timeout=20 \
		-rss_limit_mb=4096 -malloc_limit_mb=256 -detect_leaks=1 -artifact_prefix="$out/$harness-" "${words[@]}" \
		> "$out/$harness.log" 2>&1 || status=1
	grep -E 'ERROR|SUMMARY|^Done|Test unit written' "$out/$harness.log" || tail -n 5 "$out/$harness.log"
done
exit $status
