;; The inner loops of the resize, for WebAssembly with 128-bit SIMD. The callers' side, with the memory's layout, is src/simd-resample.ts.
;;
;; All arithmetic is that of src/scalar-resample.ts: int32 sums modulo 2^32 of fixed-point weight times byte, begun at one half, shifted right with the
;; sign, clipped to a byte. Sums modulo 2^32 may be regrouped at will, so the results are equal whatever the weights. What makes it fast is
;; i32x4.dot_i16x8_s: eight products and four sums. It wants int16 on both sides:
;;
;; - Bytes are widened once per row ("widen"), each channel of each of four rows to a plane of its own, since a window of an antialiased reduction
;;   overlaps its neighbours fourfold; then eight neighbouring taps of a channel are one load, and a load of weights serves four rows.
;; - PyTorch's weights fit int16. Pillow's 23 bits are split, weight = high * 2^15 + low with low in [-2^14, 2^14), and summed apart.
;;   The parameter $split is the distance in bytes from the low halves to the high ones, 0 where the weights are whole.
;;
;; Weights beyond a window are 0, so what is read there does not matter: only that it lies within the memory. The caller sees to that.
(module
  (memory (export "memory") 1)

  ;; One channel of a row of interleaved bytes to a plane of int16, eight pixels at a time: up to seven more than asked are read and written.
  ;; Eight pixels of 1 to 4 bytes span two loads, of which the second begins $second bytes after the first; $masks are the two swizzles that pick
  ;; the channel's bytes into the low halves of eight int16, with 255, so 0, in the high halves.
  (func (export "widen") (param $from i32) (param $stride i32) (param $second i32) (param $masks i32) (param $into i32) (param $pixels i32)
    (local $end i32) (local $firstMask v128) (local $secondMask v128)
    (local.set $firstMask (v128.load (local.get $masks)))
    (local.set $secondMask (v128.load offset=16 (local.get $masks)))
    (local.set $stride (i32.shl (local.get $stride) (i32.const 3)))
    (local.set $end (i32.add (local.get $into) (i32.shl (local.get $pixels) (i32.const 1))))
    (loop $eight
      (v128.store (local.get $into)
        (v128.or
          (i8x16.swizzle (v128.load (local.get $from)) (local.get $firstMask))
          (i8x16.swizzle (v128.load (i32.add (local.get $from) (local.get $second))) (local.get $secondMask))))
      (local.set $from (i32.add (local.get $from) (local.get $stride)))
      (br_if $eight
        (i32.lt_u (local.tee $into (i32.add (local.get $into) (i32.const 16))) (local.get $end)))))

  ;; The same for the three channels of RGB at once, with masks that the engine knows: twice as fast. The planes are $planeStep bytes apart.
  (func (export "widenRgb") (param $from i32) (param $into i32) (param $planeStep i32) (param $pixels i32)
    (local $end i32) (local $first v128) (local $second v128)
    (local.set $end (i32.add (local.get $into) (i32.shl (local.get $pixels) (i32.const 1))))
    (loop $eight
      (local.set $first (v128.load (local.get $from)))
      (local.set $second (v128.load offset=8 (local.get $from)))
      (v128.store (local.get $into)
        (v128.or
          (i8x16.swizzle (local.get $first) (v128.const i8x16 0 255 3 255 6 255 9 255 12 255 15 255 255 255 255 255))
          (i8x16.swizzle (local.get $second) (v128.const i8x16 255 255 255 255 255 255 255 255 255 255 255 255 10 255 13 255))))
      (v128.store (i32.add (local.get $into) (local.get $planeStep))
        (v128.or
          (i8x16.swizzle (local.get $first) (v128.const i8x16 1 255 4 255 7 255 10 255 13 255 255 255 255 255 255 255))
          (i8x16.swizzle (local.get $second) (v128.const i8x16 255 255 255 255 255 255 255 255 255 255 8 255 11 255 14 255))))
      (v128.store (i32.add (local.get $into) (i32.shl (local.get $planeStep) (i32.const 1)))
        (v128.or
          (i8x16.swizzle (local.get $first) (v128.const i8x16 2 255 5 255 8 255 11 255 14 255 255 255 255 255 255 255))
          (i8x16.swizzle (local.get $second) (v128.const i8x16 255 255 255 255 255 255 255 255 255 255 9 255 12 255 15 255))))
      (local.set $from (i32.add (local.get $from) (i32.const 24)))
      (br_if $eight
        (i32.lt_u (local.tee $into (i32.add (local.get $into) (i32.const 16))) (local.get $end)))))

  ;; The horizontal pass of one channel of four rows, whose planes are $pitch bytes apart. Output x reads $taps (a multiple of 8) values from byte
  ;; starts[x] of each plane on, and takes the next $taps weights. Its four bytes go to $into + x * $step + (0 .. 3) * $rowPitch.
  (func (export "across")
    (param $planes i32) (param $pitch i32) (param $starts i32) (param $outputs i32) (param $weights i32) (param $taps i32) (param $split i32)
    (param $precision i32) (param $into i32) (param $rowPitch i32) (param $step i32)
    (local $lastStart i32) (local $end i32) (local $p0 i32) (local $p1 i32) (local $p2 i32) (local $p3 i32)
    (local $w v128) (local $v v128) (local $half v128)
    (local $a0 v128) (local $a1 v128) (local $a2 v128) (local $a3 v128)
    (local $h0 v128) (local $h1 v128) (local $h2 v128) (local $h3 v128)
    (local.set $half (i32x4.splat (i32.shl (i32.const 1) (i32.sub (local.get $precision) (i32.const 1)))))
    (local.set $taps (i32.shl (local.get $taps) (i32.const 1)))
    (local.set $lastStart (i32.add (local.get $starts) (i32.shl (local.get $outputs) (i32.const 2))))
    (loop $output
      (local.set $p0 (i32.add (local.get $planes) (i32.load (local.get $starts))))
      (local.set $p1 (i32.add (local.get $p0) (local.get $pitch)))
      (local.set $p2 (i32.add (local.get $p1) (local.get $pitch)))
      (local.set $p3 (i32.add (local.get $p2) (local.get $pitch)))
      (local.set $a0 (v128.const i32x4 0 0 0 0))
      (local.set $a1 (v128.const i32x4 0 0 0 0))
      (local.set $a2 (v128.const i32x4 0 0 0 0))
      (local.set $a3 (v128.const i32x4 0 0 0 0))
      (local.set $end (i32.add (local.get $weights) (local.get $taps)))
      (if (local.get $split)
        (then
          (local.set $h0 (v128.const i32x4 0 0 0 0))
          (local.set $h1 (v128.const i32x4 0 0 0 0))
          (local.set $h2 (v128.const i32x4 0 0 0 0))
          (local.set $h3 (v128.const i32x4 0 0 0 0))
          (loop $eight
            (local.set $w (v128.load (local.get $weights)))
            (local.set $v (v128.load (i32.add (local.get $weights) (local.get $split))))
            (local.set $a0 (i32x4.add (local.get $a0) (i32x4.dot_i16x8_s (v128.load (local.get $p0)) (local.get $w))))
            (local.set $h0 (i32x4.add (local.get $h0) (i32x4.dot_i16x8_s (v128.load (local.get $p0)) (local.get $v))))
            (local.set $a1 (i32x4.add (local.get $a1) (i32x4.dot_i16x8_s (v128.load (local.get $p1)) (local.get $w))))
            (local.set $h1 (i32x4.add (local.get $h1) (i32x4.dot_i16x8_s (v128.load (local.get $p1)) (local.get $v))))
            (local.set $a2 (i32x4.add (local.get $a2) (i32x4.dot_i16x8_s (v128.load (local.get $p2)) (local.get $w))))
            (local.set $h2 (i32x4.add (local.get $h2) (i32x4.dot_i16x8_s (v128.load (local.get $p2)) (local.get $v))))
            (local.set $a3 (i32x4.add (local.get $a3) (i32x4.dot_i16x8_s (v128.load (local.get $p3)) (local.get $w))))
            (local.set $h3 (i32x4.add (local.get $h3) (i32x4.dot_i16x8_s (v128.load (local.get $p3)) (local.get $v))))
            (local.set $p0 (i32.add (local.get $p0) (i32.const 16)))
            (local.set $p1 (i32.add (local.get $p1) (i32.const 16)))
            (local.set $p2 (i32.add (local.get $p2) (i32.const 16)))
            (local.set $p3 (i32.add (local.get $p3) (i32.const 16)))
            (br_if $eight
              (i32.lt_u (local.tee $weights (i32.add (local.get $weights) (i32.const 16))) (local.get $end))))
          (local.set $a0 (i32x4.add (local.get $a0) (i32x4.shl (local.get $h0) (i32.const 15))))
          (local.set $a1 (i32x4.add (local.get $a1) (i32x4.shl (local.get $h1) (i32.const 15))))
          (local.set $a2 (i32x4.add (local.get $a2) (i32x4.shl (local.get $h2) (i32.const 15))))
          (local.set $a3 (i32x4.add (local.get $a3) (i32x4.shl (local.get $h3) (i32.const 15)))))
        (else
          (loop $eight
            (local.set $w (v128.load (local.get $weights)))
            (local.set $a0 (i32x4.add (local.get $a0) (i32x4.dot_i16x8_s (v128.load (local.get $p0)) (local.get $w))))
            (local.set $a1 (i32x4.add (local.get $a1) (i32x4.dot_i16x8_s (v128.load (local.get $p1)) (local.get $w))))
            (local.set $a2 (i32x4.add (local.get $a2) (i32x4.dot_i16x8_s (v128.load (local.get $p2)) (local.get $w))))
            (local.set $a3 (i32x4.add (local.get $a3) (i32x4.dot_i16x8_s (v128.load (local.get $p3)) (local.get $w))))
            (local.set $p0 (i32.add (local.get $p0) (i32.const 16)))
            (local.set $p1 (i32.add (local.get $p1) (i32.const 16)))
            (local.set $p2 (i32.add (local.get $p2) (i32.const 16)))
            (local.set $p3 (i32.add (local.get $p3) (i32.const 16)))
            (br_if $eight
              (i32.lt_u (local.tee $weights (i32.add (local.get $weights) (i32.const 16))) (local.get $end))))))
      ;; Four rows of four partial sums: transposed and added, one sum per row.
      (local.set $a0
        (i32x4.add
          (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $a0) (local.get $a1))
          (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $a0) (local.get $a1))))
      (local.set $a2
        (i32x4.add
          (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $a2) (local.get $a3))
          (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $a2) (local.get $a3))))
      (local.set $a0
        (i32x4.shr_s
          (i32x4.add (local.get $half)
            (i32x4.add
              (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $a0) (local.get $a2))
              (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $a0) (local.get $a2))))
          (local.get $precision)))
      (local.set $a0 (i16x8.narrow_i32x4_s (local.get $a0) (local.get $a0)))
      (local.set $a0 (i8x16.narrow_i16x8_u (local.get $a0) (local.get $a0)))
      (v128.store8_lane 0 (local.get $into) (local.get $a0))
      (v128.store8_lane 1 (local.tee $p0 (i32.add (local.get $into) (local.get $rowPitch))) (local.get $a0))
      (v128.store8_lane 2 (local.tee $p0 (i32.add (local.get $p0) (local.get $rowPitch))) (local.get $a0))
      (v128.store8_lane 3 (i32.add (local.get $p0) (local.get $rowPitch)) (local.get $a0))
      (local.set $into (i32.add (local.get $into) (local.get $step)))
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
