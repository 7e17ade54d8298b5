;; The inner loops of the resize, for WebAssembly with 128-bit SIMD. The callers' side, with the memory's layout, is src/simd-resample.ts.
;;
;; All arithmetic is that of src/scalar-resample.ts: int32 sums modulo 2^32 of fixed-point weight times byte, begun at one half, shifted right with
;; the sign, clipped to a byte. Sums modulo 2^32 may be regrouped at will, so the results are equal whatever the weights. What makes it fast is
;; i32x4.dot_i16x8_s: eight products, added in pairs. It wants int16 on both sides:
;;
;; - Bytes are widened once ("widen"), since the windows of an antialiased reduction overlap fourfold; and so arranged that one load has two
;;   neighbouring pixels of one channel in each of four rows: the four sums of a dot product are then four rows' and need not be added up.
;; - PyTorch's weights fit int16. Pillow's 23 bits are split, weight = high * 2^15 + low with low in [-2^14, 2^14), and summed apart.
;;   The parameter $split is the distance in bytes from the low halves to the high ones, 0 where the weights are whole.
;;
;; Weights beyond a window are 0, so what is read there does not matter: only that it lies within the memory. The caller sees to that.
(module
  (memory (export "memory") 1)

  ;; Four rows of interleaved bytes, $pitch bytes apart, to int16: a vector per channel of row 0's pixels 0 and 1, row 1's, row 2's, row 3's; then the
  ;; same of pixels 2 and 3; and so on to $end, where up to three vectors too many may be written. $stride is four pixels' bytes. The 16 bytes at
  ;; $order bring a row's four pixels into the order c0 c0 c1 c1 c2 c2 c3 c3 of pixels 0 and 1, then of 2 and 3.
  (func (export "widen")
    (param $from i32) (param $pitch i32) (param $stride i32) (param $order i32) (param $channels i32) (param $into i32) (param $end i32)
    (local $p i32) (local $mask v128) (local $v0 v128) (local $v1 v128) (local $v2 v128) (local $v3 v128) (local $s v128) (local $t v128)
    (local.set $mask (v128.load (local.get $order)))
    (local.set $channels (i32.shl (local.get $channels) (i32.const 4)))
    (loop $four
      (local.set $v0 (i8x16.swizzle (v128.load (local.get $from)) (local.get $mask)))
      (local.set $v1
        (i8x16.swizzle (v128.load (local.tee $p (i32.add (local.get $from) (local.get $pitch)))) (local.get $mask)))
      (local.set $v2
        (i8x16.swizzle (v128.load (local.tee $p (i32.add (local.get $p) (local.get $pitch)))) (local.get $mask)))
      (local.set $v3
        (i8x16.swizzle (v128.load (i32.add (local.get $p) (local.get $pitch))) (local.get $mask)))
      (local.set $s (i8x16.shuffle 0 1 16 17 2 3 18 19 4 5 20 21 6 7 22 23 (local.get $v0) (local.get $v1)))
      (local.set $t (i8x16.shuffle 0 1 16 17 2 3 18 19 4 5 20 21 6 7 22 23 (local.get $v2) (local.get $v3)))
      (local.set $v0 (i8x16.shuffle 8 9 24 25 10 11 26 27 12 13 28 29 14 15 30 31 (local.get $v0) (local.get $v1)))
      (local.set $v2 (i8x16.shuffle 8 9 24 25 10 11 26 27 12 13 28 29 14 15 30 31 (local.get $v2) (local.get $v3)))
      (local.set $v1 (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $s) (local.get $t)))
      (local.set $s (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $s) (local.get $t)))
      (v128.store (local.get $into) (i16x8.extend_low_i8x16_u (local.get $v1)))
      (v128.store offset=16 (local.get $into) (i16x8.extend_high_i8x16_u (local.get $v1)))
      (v128.store offset=32 (local.get $into) (i16x8.extend_low_i8x16_u (local.get $s)))
      (if (i32.eq (local.get $channels) (i32.const 64))
        (then (v128.store offset=48 (local.get $into) (i16x8.extend_high_i8x16_u (local.get $s)))))
      ;; Where there are fewer than three channels, this overwrites the vectors of none.
      (local.set $into (i32.add (local.get $into) (local.get $channels)))
      (local.set $v1 (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $v0) (local.get $v2)))
      (local.set $s (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $v0) (local.get $v2)))
      (v128.store (local.get $into) (i16x8.extend_low_i8x16_u (local.get $v1)))
      (v128.store offset=16 (local.get $into) (i16x8.extend_high_i8x16_u (local.get $v1)))
      (v128.store offset=32 (local.get $into) (i16x8.extend_low_i8x16_u (local.get $s)))
      (if (i32.eq (local.get $channels) (i32.const 64))
        (then (v128.store offset=48 (local.get $into) (i16x8.extend_high_i8x16_u (local.get $s)))))
      (local.set $from (i32.add (local.get $from) (local.get $stride)))
      (br_if $four
        (i32.lt_u (local.tee $into (i32.add (local.get $into) (local.get $channels))) (local.get $end)))))

  ;; The horizontal pass of four rows of three channels. Output x reads the vectors from byte starts[x] of $pixels on, and takes the next $pairs
  ;; pairs of weights, an even number. Its three bytes of row r go to $into + x * 3 + r * $rowPitch, and one byte of no meaning after them.
  (func (export "acrossRgb")
    (param $pixels i32) (param $starts i32) (param $outputs i32) (param $weights i32) (param $pairs i32) (param $split i32)
    (param $precision i32) (param $into i32) (param $rowPitch i32)
    (local $lastStart i32) (local $end i32) (local $p i32)
    (local $w v128) (local $v v128) (local $x v128) (local $half v128)
    (local $a0 v128) (local $a1 v128) (local $a2 v128) (local $h0 v128) (local $h1 v128) (local $h2 v128)
    (local.set $half (i32x4.splat (i32.shl (i32.const 1) (i32.sub (local.get $precision) (i32.const 1)))))
    (local.set $pairs (i32.shl (local.get $pairs) (i32.const 2)))
    (local.set $lastStart (i32.add (local.get $starts) (i32.shl (local.get $outputs) (i32.const 2))))
    (loop $output
      (local.set $p (i32.add (local.get $pixels) (i32.load (local.get $starts))))
      (local.set $end (i32.add (local.get $weights) (local.get $pairs)))
      (local.set $a0 (local.get $half))
      (local.set $a1 (local.get $half))
      (local.set $a2 (local.get $half))
      (if (local.get $split)
        (then
          (local.set $h0 (v128.const i32x4 0 0 0 0))
          (local.set $h1 (v128.const i32x4 0 0 0 0))
          (local.set $h2 (v128.const i32x4 0 0 0 0))
          (loop $pair
            (local.set $w (v128.load32_splat (local.get $weights)))
            (local.set $v (v128.load32_splat (i32.add (local.get $weights) (local.get $split))))
            (local.set $x (v128.load (local.get $p)))
            (local.set $a0 (i32x4.add (local.get $a0) (i32x4.dot_i16x8_s (local.get $x) (local.get $w))))
            (local.set $h0 (i32x4.add (local.get $h0) (i32x4.dot_i16x8_s (local.get $x) (local.get $v))))
            (local.set $x (v128.load offset=16 (local.get $p)))
            (local.set $a1 (i32x4.add (local.get $a1) (i32x4.dot_i16x8_s (local.get $x) (local.get $w))))
            (local.set $h1 (i32x4.add (local.get $h1) (i32x4.dot_i16x8_s (local.get $x) (local.get $v))))
            (local.set $x (v128.load offset=32 (local.get $p)))
            (local.set $a2 (i32x4.add (local.get $a2) (i32x4.dot_i16x8_s (local.get $x) (local.get $w))))
            (local.set $h2 (i32x4.add (local.get $h2) (i32x4.dot_i16x8_s (local.get $x) (local.get $v))))
            (local.set $p (i32.add (local.get $p) (i32.const 48)))
            (br_if $pair
              (i32.lt_u (local.tee $weights (i32.add (local.get $weights) (i32.const 4))) (local.get $end))))
          (local.set $a0 (i32x4.add (local.get $a0) (i32x4.shl (local.get $h0) (i32.const 15))))
          (local.set $a1 (i32x4.add (local.get $a1) (i32x4.shl (local.get $h1) (i32.const 15))))
          (local.set $a2 (i32x4.add (local.get $a2) (i32x4.shl (local.get $h2) (i32.const 15)))))
        (else
          ;; Two pairs a turn are a tenth faster; with split weights, slower.
          (loop $twoPairs
            (local.set $w (v128.load32_splat (local.get $weights)))
            (local.set $a0 (i32x4.add (local.get $a0) (i32x4.dot_i16x8_s (v128.load (local.get $p)) (local.get $w))))
            (local.set $a1 (i32x4.add (local.get $a1) (i32x4.dot_i16x8_s (v128.load offset=16 (local.get $p)) (local.get $w))))
            (local.set $a2 (i32x4.add (local.get $a2) (i32x4.dot_i16x8_s (v128.load offset=32 (local.get $p)) (local.get $w))))
            (local.set $w (v128.load32_splat offset=4 (local.get $weights)))
            (local.set $a0 (i32x4.add (local.get $a0) (i32x4.dot_i16x8_s (v128.load offset=48 (local.get $p)) (local.get $w))))
            (local.set $a1 (i32x4.add (local.get $a1) (i32x4.dot_i16x8_s (v128.load offset=64 (local.get $p)) (local.get $w))))
            (local.set $a2 (i32x4.add (local.get $a2) (i32x4.dot_i16x8_s (v128.load offset=80 (local.get $p)) (local.get $w))))
            (local.set $p (i32.add (local.get $p) (i32.const 96)))
            (br_if $twoPairs
              (i32.lt_u (local.tee $weights (i32.add (local.get $weights) (i32.const 8))) (local.get $end))))))
      (local.set $a0
        (i8x16.narrow_i16x8_u
          (i16x8.narrow_i32x4_s
            (i32x4.shr_s (local.get $a0) (local.get $precision))
            (i32x4.shr_s (local.get $a1) (local.get $precision)))
          (i16x8.narrow_i32x4_s
            (local.tee $a2 (i32x4.shr_s (local.get $a2) (local.get $precision)))
            (local.get $a2))))
      ;; From a channel's four rows to a row's three channels.
      (local.set $a0 (i8x16.swizzle (local.get $a0) (v128.const i8x16 0 4 8 12 1 5 9 13 2 6 10 14 3 7 11 15)))
      (v128.store32_lane 0 (local.get $into) (local.get $a0))
      (v128.store32_lane 1 (local.tee $p (i32.add (local.get $into) (local.get $rowPitch))) (local.get $a0))
      (v128.store32_lane 2 (local.tee $p (i32.add (local.get $p) (local.get $rowPitch))) (local.get $a0))
      (v128.store32_lane 3 (i32.add (local.get $p) (local.get $rowPitch)) (local.get $a0))
      (local.set $into (i32.add (local.get $into) (i32.const 3)))
      (br_if $output
        (i32.lt_u (local.tee $starts (i32.add (local.get $starts) (i32.const 4))) (local.get $lastStart)))))

  ;; The same of one channel of $channels, wherever it is: weights are always split, for the fewer pictures that are not RGB.
  (func (export "acrossOne")
    (param $pixels i32) (param $channels i32) (param $starts i32) (param $outputs i32) (param $weights i32) (param $pairs i32) (param $split i32)
    (param $precision i32) (param $into i32) (param $rowPitch i32)
    (local $lastStart i32) (local $end i32) (local $p i32) (local $record i32) (local $x v128) (local $a v128) (local $h v128)
    (local.set $pairs (i32.shl (local.get $pairs) (i32.const 2)))
    (local.set $record (i32.shl (local.get $channels) (i32.const 4)))
    (local.set $lastStart (i32.add (local.get $starts) (i32.shl (local.get $outputs) (i32.const 2))))
    (loop $output
      (local.set $p (i32.add (local.get $pixels) (i32.load (local.get $starts))))
      (local.set $end (i32.add (local.get $weights) (local.get $pairs)))
      (local.set $a (i32x4.splat (i32.shl (i32.const 1) (i32.sub (local.get $precision) (i32.const 1)))))
      (local.set $h (v128.const i32x4 0 0 0 0))
      (loop $pair
        (local.set $x (v128.load (local.get $p)))
        (local.set $a
          (i32x4.add (local.get $a) (i32x4.dot_i16x8_s (local.get $x) (v128.load32_splat (local.get $weights)))))
        (local.set $h
          (i32x4.add (local.get $h)
            (i32x4.dot_i16x8_s (local.get $x) (v128.load32_splat (i32.add (local.get $weights) (local.get $split))))))
        (local.set $p (i32.add (local.get $p) (local.get $record)))
        (br_if $pair
          (i32.lt_u (local.tee $weights (i32.add (local.get $weights) (i32.const 4))) (local.get $end))))
      (local.set $a
        (i32x4.shr_s (i32x4.add (local.get $a) (i32x4.shl (local.get $h) (i32.const 15))) (local.get $precision)))
      (local.set $a (i16x8.narrow_i32x4_s (local.get $a) (local.get $a)))
      (local.set $a (i8x16.narrow_i16x8_u (local.get $a) (local.get $a)))
      (v128.store8_lane 0 (local.get $into) (local.get $a))
      (v128.store8_lane 1 (local.tee $p (i32.add (local.get $into) (local.get $rowPitch))) (local.get $a))
      (v128.store8_lane 2 (local.tee $p (i32.add (local.get $p) (local.get $rowPitch))) (local.get $a))
      (v128.store8_lane 3 (i32.add (local.get $p) (local.get $rowPitch)) (local.get $a))
      (local.set $into (i32.add (local.get $into) (local.get $channels)))
      (br_if $output
        (i32.lt_u (local.tee $starts (i32.add (local.get $starts) (i32.const 4))) (local.get $lastStart)))))

  ;; The vertical pass of one row: sixteen neighbouring bytes at a time down the rows from $rows on, which are $pitch bytes apart. They are taken in
  ;; pairs, so one more than there are weights may be read; and up to fifteen bytes more than $bytes are read and written.
  (func (export "down")
    (param $rows i32) (param $pitch i32) (param $weights i32) (param $pairs i32) (param $split i32) (param $precision i32)
    (param $into i32) (param $bytes i32)
    (local $last i32) (local $end i32) (local $p i32) (local $q i32)
    (local $w v128) (local $v v128) (local $half v128) (local $upper v128) (local $lower v128)
    (local $x0 v128) (local $x1 v128) (local $x2 v128) (local $x3 v128)
    (local $a0 v128) (local $a1 v128) (local $a2 v128) (local $a3 v128)
    (local $h0 v128) (local $h1 v128) (local $h2 v128) (local $h3 v128)
    (local.set $half (i32x4.splat (i32.shl (i32.const 1) (i32.sub (local.get $precision) (i32.const 1)))))
    (local.set $end (i32.add (local.get $weights) (i32.shl (local.get $pairs) (i32.const 2))))
    (local.set $last (i32.add (local.get $into) (local.get $bytes)))
    (loop $sixteen
      (local.set $p (local.get $rows))
      (local.set $q (local.get $weights))
      (local.set $a0 (local.get $half))
      (local.set $a1 (local.get $half))
      (local.set $a2 (local.get $half))
      (local.set $a3 (local.get $half))
      (local.set $h0 (v128.const i32x4 0 0 0 0))
      (local.set $h1 (v128.const i32x4 0 0 0 0))
      (local.set $h2 (v128.const i32x4 0 0 0 0))
      (local.set $h3 (v128.const i32x4 0 0 0 0))
      (loop $pair
        (local.set $upper (v128.load (local.get $p)))
        (local.set $lower (v128.load (local.tee $p (i32.add (local.get $p) (local.get $pitch)))))
        (local.set $p (i32.add (local.get $p) (local.get $pitch)))
        (local.set $w (v128.load32_splat (local.get $q)))
        (local.set $x1 (i8x16.shuffle 0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23 (local.get $upper) (local.get $lower)))
        (local.set $x3 (i8x16.shuffle 8 24 9 25 10 26 11 27 12 28 13 29 14 30 15 31 (local.get $upper) (local.get $lower)))
        (local.set $x0 (i16x8.extend_low_i8x16_u (local.get $x1)))
        (local.set $x1 (i16x8.extend_high_i8x16_u (local.get $x1)))
        (local.set $x2 (i16x8.extend_low_i8x16_u (local.get $x3)))
        (local.set $x3 (i16x8.extend_high_i8x16_u (local.get $x3)))
        (local.set $a0 (i32x4.add (local.get $a0) (i32x4.dot_i16x8_s (local.get $x0) (local.get $w))))
        (local.set $a1 (i32x4.add (local.get $a1) (i32x4.dot_i16x8_s (local.get $x1) (local.get $w))))
        (local.set $a2 (i32x4.add (local.get $a2) (i32x4.dot_i16x8_s (local.get $x2) (local.get $w))))
        (local.set $a3 (i32x4.add (local.get $a3) (i32x4.dot_i16x8_s (local.get $x3) (local.get $w))))
        (if (local.get $split)
          (then
            (local.set $v (v128.load32_splat (i32.add (local.get $q) (local.get $split))))
            (local.set $h0 (i32x4.add (local.get $h0) (i32x4.dot_i16x8_s (local.get $x0) (local.get $v))))
            (local.set $h1 (i32x4.add (local.get $h1) (i32x4.dot_i16x8_s (local.get $x1) (local.get $v))))
            (local.set $h2 (i32x4.add (local.get $h2) (i32x4.dot_i16x8_s (local.get $x2) (local.get $v))))
            (local.set $h3 (i32x4.add (local.get $h3) (i32x4.dot_i16x8_s (local.get $x3) (local.get $v))))))
        (br_if $pair
          (i32.lt_u (local.tee $q (i32.add (local.get $q) (i32.const 4))) (local.get $end))))
      (local.set $a0 (i32x4.shr_s (i32x4.add (local.get $a0) (i32x4.shl (local.get $h0) (i32.const 15))) (local.get $precision)))
      (local.set $a1 (i32x4.shr_s (i32x4.add (local.get $a1) (i32x4.shl (local.get $h1) (i32.const 15))) (local.get $precision)))
      (local.set $a2 (i32x4.shr_s (i32x4.add (local.get $a2) (i32x4.shl (local.get $h2) (i32.const 15))) (local.get $precision)))
      (local.set $a3 (i32x4.shr_s (i32x4.add (local.get $a3) (i32x4.shl (local.get $h3) (i32.const 15))) (local.get $precision)))
      (v128.store (local.get $into)
        (i8x16.narrow_i16x8_u
          (i16x8.narrow_i32x4_s (local.get $a0) (local.get $a1))
          (i16x8.narrow_i32x4_s (local.get $a2) (local.get $a3))))
      (local.set $rows (i32.add (local.get $rows) (i32.const 16)))
      (br_if $sixteen
        (i32.lt_u (local.tee $into (i32.add (local.get $into) (i32.const 16))) (local.get $last))))))
