;; Rows as 8-bit integers with a scale each, and their integer inner products with one query of 16-bit integers, for WebAssembly with 128-bit SIMD.
;; The callers' side, with the memory's layout and the bound of the error, is src/top-k/int8-matrix.ts. $dim is a multiple of 16 everywhere.
(module
  (memory (export "memory") 1)

  ;; Quantises float32 rows from $row to $end. Integers go to $into, 1 byte each; to $scales, for each row, 2 float32: the scale, and the L2 norm of
  ;; row - scale * integers. A number is rounded by adding 1.5 * 2^23, whose float32 has the integer in its last bits.
  (func (export "quantize") (param $row i32) (param $end i32) (param $dim i32) (param $into i32) (param $scales i32)
    (local $at i32) (local $stop i32) (local $largest v128) (local $most f32) (local $scale v128) (local $inverse v128) (local $error v128) (local $magic v128)
    (local $x0 v128) (local $x1 v128) (local $x2 v128) (local $x3 v128)
    (local $q0 v128) (local $q1 v128) (local $q2 v128) (local $q3 v128)
    (local.set $magic (v128.const f32x4 12582912 12582912 12582912 12582912))
    (block $done
      (loop $rows
        (br_if $done (i32.ge_u (local.get $row) (local.get $end)))
        (local.set $stop (i32.add (local.get $row) (i32.shl (local.get $dim) (i32.const 2))))
        (local.set $largest (v128.const f32x4 0 0 0 0))
        (local.set $at (local.get $row))
        (loop $four
          (local.set $largest (f32x4.pmax (local.get $largest) (f32x4.abs (v128.load (local.get $at)))))
          (br_if $four (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $stop))))
        (local.set $most
          (f32.max
            (f32.max (f32x4.extract_lane 0 (local.get $largest)) (f32x4.extract_lane 1 (local.get $largest)))
            (f32.max (f32x4.extract_lane 2 (local.get $largest)) (f32x4.extract_lane 3 (local.get $largest)))))
        (local.set $scale (f32x4.splat (f32.div (local.get $most) (f32.const 127))))
        ;; A row of zeros, or one whose scale is too small to divide by, has integers 0: its error is all of it.
        (local.set $inverse
          (f32x4.splat
            (select (f32.div (f32.const 127) (local.get $most)) (f32.const 0) (f32.gt (local.get $most) (f32.const 1e-30)))))
        (local.set $error (v128.const f32x4 0 0 0 0))
        (local.set $at (local.get $row))
        (loop $sixteen
          (local.set $x0 (v128.load (local.get $at)))
          (local.set $x1 (v128.load offset=16 (local.get $at)))
          (local.set $x2 (v128.load offset=32 (local.get $at)))
          (local.set $x3 (v128.load offset=48 (local.get $at)))
          (local.set $q0 (f32x4.add (f32x4.mul (local.get $x0) (local.get $inverse)) (local.get $magic)))
          (local.set $q1 (f32x4.add (f32x4.mul (local.get $x1) (local.get $inverse)) (local.get $magic)))
          (local.set $q2 (f32x4.add (f32x4.mul (local.get $x2) (local.get $inverse)) (local.get $magic)))
          (local.set $q3 (f32x4.add (f32x4.mul (local.get $x3) (local.get $inverse)) (local.get $magic)))
          (v128.store (local.get $into)
            (i8x16.narrow_i16x8_s
              (i16x8.narrow_i32x4_s (i32x4.sub (local.get $q0) (local.get $magic)) (i32x4.sub (local.get $q1) (local.get $magic)))
              (i16x8.narrow_i32x4_s (i32x4.sub (local.get $q2) (local.get $magic)) (i32x4.sub (local.get $q3) (local.get $magic)))))
          (local.set $x0 (f32x4.sub (local.get $x0) (f32x4.mul (f32x4.sub (local.get $q0) (local.get $magic)) (local.get $scale))))
          (local.set $x1 (f32x4.sub (local.get $x1) (f32x4.mul (f32x4.sub (local.get $q1) (local.get $magic)) (local.get $scale))))
          (local.set $x2 (f32x4.sub (local.get $x2) (f32x4.mul (f32x4.sub (local.get $q2) (local.get $magic)) (local.get $scale))))
          (local.set $x3 (f32x4.sub (local.get $x3) (f32x4.mul (f32x4.sub (local.get $q3) (local.get $magic)) (local.get $scale))))
          (local.set $error
            (f32x4.add (local.get $error)
              (f32x4.add
                (f32x4.add (f32x4.mul (local.get $x0) (local.get $x0)) (f32x4.mul (local.get $x1) (local.get $x1)))
                (f32x4.add (f32x4.mul (local.get $x2) (local.get $x2)) (f32x4.mul (local.get $x3) (local.get $x3))))))
          (local.set $into (i32.add (local.get $into) (i32.const 16)))
          (br_if $sixteen (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 64))) (local.get $stop))))
        (f32.store (local.get $scales) (f32x4.extract_lane 0 (local.get $scale)))
        (f32.store offset=4 (local.get $scales)
          (f32.sqrt
            (f32.add
              (f32.add (f32x4.extract_lane 0 (local.get $error)) (f32x4.extract_lane 1 (local.get $error)))
              (f32.add (f32x4.extract_lane 2 (local.get $error)) (f32x4.extract_lane 3 (local.get $error))))))
        (local.set $scales (i32.add (local.get $scales) (i32.const 8)))
        (local.set $row (local.get $stop))
        (br $rows))))

  ;; Inner products of rows from $row to $end with a query of 16-bit integers. Sums, 32-bit integers, go to $into. The caller sees to it that none is
  ;; too large.
  (func (export "score") (param $row i32) (param $end i32) (param $query i32) (param $dim i32) (param $into i32)
    (local $q i32) (local $stop i32) (local $v v128) (local $s0 v128) (local $s1 v128)
    (block $done
      (loop $rows
        (br_if $done (i32.ge_u (local.get $row) (local.get $end)))
        (local.set $s0 (v128.const i32x4 0 0 0 0))
        (local.set $s1 (v128.const i32x4 0 0 0 0))
        (local.set $q (local.get $query))
        (local.set $stop (i32.add (local.get $row) (local.get $dim)))
        (loop $sixteen
          (local.set $v (v128.load (local.get $row)))
          (local.set $s0
            (i32x4.add (local.get $s0) (i32x4.dot_i16x8_s (i16x8.extend_low_i8x16_s (local.get $v)) (v128.load (local.get $q)))))
          (local.set $s1
            (i32x4.add (local.get $s1) (i32x4.dot_i16x8_s (i16x8.extend_high_i8x16_s (local.get $v)) (v128.load offset=16 (local.get $q)))))
          (local.set $q (i32.add (local.get $q) (i32.const 32)))
          (br_if $sixteen (i32.lt_u (local.tee $row (i32.add (local.get $row) (i32.const 16))) (local.get $stop))))
        (local.set $s0 (i32x4.add (local.get $s0) (local.get $s1)))
        (i32.store (local.get $into)
          (i32.add
            (i32.add (i32x4.extract_lane 0 (local.get $s0)) (i32x4.extract_lane 1 (local.get $s0)))
            (i32.add (i32x4.extract_lane 2 (local.get $s0)) (i32x4.extract_lane 3 (local.get $s0)))))
        (local.set $into (i32.add (local.get $into) (i32.const 4)))
        (br $rows)))))
