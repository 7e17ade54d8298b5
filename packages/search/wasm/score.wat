;; Inner products of float32 rows with one query, for WebAssembly with 128-bit SIMD. The callers' side, with the memory's layout, is
;; src/top-k/score-kernel.ts.
;;
;; All arithmetic is that of dotAt in packages/pipeline/src/vectors/products.ts: float64 products in eight sums, value i in sum i mod 8, the last few values in
;; the first sum; then the sums in pairs. So the scores are the same to the last bit.
(module
  (memory (export "memory") 1)

  ;; Rows from $row to $end, $dim values each; $query is float64. Scores, float64, go to $into.
  (func (export "score") (param $row i32) (param $end i32) (param $query i32) (param $dim i32) (param $into i32)
    (local $q i32) (local $stop i32) (local $whole i32) (local $rest i32) (local $a f64)
    (local $s0 v128) (local $s1 v128) (local $s2 v128) (local $s3 v128)
    (local.set $whole (i32.shl (i32.and (local.get $dim) (i32.const -8)) (i32.const 2)))
    (local.set $rest (i32.shl (i32.and (local.get $dim) (i32.const 7)) (i32.const 2)))
    (block $done
      (loop $rows
        (br_if $done (i32.ge_u (local.get $row) (local.get $end)))
        (local.set $s0 (v128.const f64x2 0 0))
        (local.set $s1 (v128.const f64x2 0 0))
        (local.set $s2 (v128.const f64x2 0 0))
        (local.set $s3 (v128.const f64x2 0 0))
        (local.set $q (local.get $query))
        (local.set $stop (i32.add (local.get $row) (local.get $whole)))
        (block $tail
          (loop $eight
            (br_if $tail (i32.ge_u (local.get $row) (local.get $stop)))
            (local.set $s0 (f64x2.add (local.get $s0)
              (f64x2.mul (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $row))) (v128.load (local.get $q)))))
            (local.set $s1 (f64x2.add (local.get $s1)
              (f64x2.mul (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $row))) (v128.load offset=16 (local.get $q)))))
            (local.set $s2 (f64x2.add (local.get $s2)
              (f64x2.mul (f64x2.promote_low_f32x4 (v128.load64_zero offset=16 (local.get $row))) (v128.load offset=32 (local.get $q)))))
            (local.set $s3 (f64x2.add (local.get $s3)
              (f64x2.mul (f64x2.promote_low_f32x4 (v128.load64_zero offset=24 (local.get $row))) (v128.load offset=48 (local.get $q)))))
            (local.set $row (i32.add (local.get $row) (i32.const 32)))
            (local.set $q (i32.add (local.get $q) (i32.const 64)))
            (br $eight)))
        (local.set $a (f64x2.extract_lane 0 (local.get $s0)))
        (local.set $stop (i32.add (local.get $row) (local.get $rest)))
        (block $last
          (loop $one
            (br_if $last (i32.ge_u (local.get $row) (local.get $stop)))
            (local.set $a (f64.add (local.get $a)
              (f64.mul (f64.promote_f32 (f32.load (local.get $row))) (f64.load (local.get $q)))))
            (local.set $row (i32.add (local.get $row) (i32.const 4)))
            (local.set $q (i32.add (local.get $q) (i32.const 8)))
            (br $one)))
        (f64.store (local.get $into)
          (f64.add
            (f64.add
              (f64.add (local.get $a) (f64x2.extract_lane 1 (local.get $s0)))
              (f64.add (f64x2.extract_lane 0 (local.get $s1)) (f64x2.extract_lane 1 (local.get $s1))))
            (f64.add
              (f64.add (f64x2.extract_lane 0 (local.get $s2)) (f64x2.extract_lane 1 (local.get $s2)))
              (f64.add (f64x2.extract_lane 0 (local.get $s3)) (f64x2.extract_lane 1 (local.get $s3))))))
        (local.set $into (i32.add (local.get $into) (i32.const 8)))
        (br $rows)))))
