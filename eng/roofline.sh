#!/usr/bin/env bash
# Draws docs/roofline.svg from the tables that `lorikeet bench model` prints for the two reference shapes.
# Usage: eng/roofline.sh S.txt M.txt AVX2-GFLOPS > docs/roofline.svg   (AVX2-GFLOPS: the FMA limit that `LORIKEET_KERNELS=avx2 lorikeet bench model` shows)
set -euo pipefail
awk -v avx2="$3" '
function x(v) { return sprintf("%.1f", 146 + 76 * log(v) / log(2)) }
function y(v) { return sprintf("%.1f", 440 - 65 * (log(v) / log(2) - 4)) }
function dot(px, py, colour) { printf "<circle cx=\"%s\" cy=\"%s\" r=\"4.5\" fill=\"%s\"/>\n", px, py, colour }
function text(px, py, more, what) { printf "<text x=\"%s\" y=\"%s\" %s>%s</text>\n", px, py, more, what }
FNR == 1 { file++ }
# step, number, ms, tokens/s, FMA, share, %, reads, share, %
/^(prefill|decode) / {
  n++; kind[n] = $1; of[n] = $2; model[n] = file; rate[n] = $5 * $6 / 100; moved[n] = $8 * $9 / 100; fma += $5; reads += $8
  lines[file] = lines[file] (lines[file] == "" ? "" : ", ") $1 " " $2
}
END {
  fma /= n; reads /= n; green = "#059669"; violet = "#7c3aed"; blue = "#2563eb"; amber = "#d97706"
  print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 860 500\" width=\"860\" height=\"500\" font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"860\" height=\"500\" fill=\"white\"/>"
  text(70, 28, "font-size=\"16\" font-weight=\"bold\"", "Steps of S and M (bf16) under the roofs of the machine, 2 threads")
  for (v = 1; v <= 256; v *= 2) {
    printf "<line x1=\"%s\" x2=\"%s\" y1=\"50\" y2=\"440\" stroke=\"#eef0f3\"/>", x(v), x(v); text(x(v), 458, "text-anchor=\"middle\" fill=\"#374151\"", v)
  }
  for (v = 16; v <= 1024; v *= 2) {
    printf "<line x1=\"70\" x2=\"830\" y1=\"%s\" y2=\"%s\" stroke=\"#eef0f3\"/>", y(v), y(v); text(62, y(v) + 4, "text-anchor=\"end\" fill=\"#374151\"", v)
  }
  printf "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"70.0,%s %s,%s 830.0,%s\"/>", blue, y(reads / 2), x(fma / reads), y(fma), y(fma)
  text(826, y(fma) - 6, "text-anchor=\"end\" fill=\"" blue "\"", sprintf("AVX-512: %.0f GFLOP/s FMA, %.0f GB/s reads", fma, reads))
  printf "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"%s,%s 830.0,%s\"/>", amber, x(avx2 / reads), y(avx2), y(avx2)
  text(826, y(avx2) + 16, "text-anchor=\"end\" fill=\"" amber "\"", "AVX2: " avx2 " GFLOP/s")
  for (i = 1; i <= n; i++) {
    px = x(rate[i] / moved[i]); py = y(rate[i]); colour = model[i] == 1 ? green : violet
    dot(px, py, colour)
    if (kind[i] == "prefill") { if (of[i] == 256) text(px - 80, py + (model[i] == 1 ? 16 : -8), "fill=\"" colour "\"", "prefill 256") }
    else if (model[i] == 1) { text(px + 6, py + 16, "fill=\"" colour "\"", of[i] == 1 ? "decode 1" : of[i]) }
  }
  dot(90, 64, green); text(102, 68, "", "S, 135 M parameters: " lines[1])
  dot(90, 84, violet); text(102, 88, "", "M, 1.1 B parameters: " lines[2])
  print "<path d=\"M70 50V440H830\" fill=\"none\" stroke=\"#374151\"/>"
  text(450, 486, "text-anchor=\"middle\"", "operations for each byte of weights read")
  print "<text transform=\"translate(20 245.0) rotate(-90)\" text-anchor=\"middle\">GFLOP/s of the linear layers</text></svg>"
}' "$1" "$2"
