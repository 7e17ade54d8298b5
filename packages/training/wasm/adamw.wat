;; AdamW (Loshchilov and Hutter, 2019) over float32 tensors in the memory that is also the graph's, for WebAssembly with 128-bit SIMD. The callers'
;; side, with the memory's layout, is src/optimizer/adamw.ts.
;;
;; Every range is a multiple of 16 bytes long; what pads a tensor is 0 and stays 0. The arithmetic is that of torch.optim.AdamW in float32.
(module
  (memory (import "env" "memory") 1)

  ;; One step of the parameters from $p to $end. $g, $m and $v are their gradients and moments.
  (func (export "adamw")
    (param $p i32) (param $end i32) (param $g i32) (param $m i32) (param $v i32)
    (param $keep f32) (param $rate1 f32) (param $beta2 f32) (param $rate2 f32) (param $inverse f32) (param $epsilon f32) (param $step f32)
    (local $gradient v128) (local $moment v128) (local $square v128)
    (block $done
      (loop $four
        (br_if $done (i32.ge_u (local.get $p) (local.get $end)))
        (local.set $gradient (v128.load (local.get $g)))
        ;; m += (g - m) (1 - beta1)
        (local.set $moment (v128.load (local.get $m)))
        (local.set $moment (f32x4.add (local.get $moment)
          (f32x4.mul (f32x4.sub (local.get $gradient) (local.get $moment)) (f32x4.splat (local.get $rate1)))))
        (v128.store (local.get $m) (local.get $moment))
        ;; v = v beta2 + g g (1 - beta2)
        (local.set $square (f32x4.add
          (f32x4.mul (v128.load (local.get $v)) (f32x4.splat (local.get $beta2)))
          (f32x4.mul (f32x4.mul (local.get $gradient) (local.get $gradient)) (f32x4.splat (local.get $rate2)))))
        (v128.store (local.get $v) (local.get $square))
        ;; p = p (1 - lr decay) - step m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
        (v128.store (local.get $p) (f32x4.sub
          (f32x4.mul (v128.load (local.get $p)) (f32x4.splat (local.get $keep)))
          (f32x4.div
            (f32x4.mul (local.get $moment) (f32x4.splat (local.get $step)))
            (f32x4.add
              (f32x4.mul (f32x4.sqrt (local.get $square)) (f32x4.splat (local.get $inverse)))
              (f32x4.splat (local.get $epsilon))))))
        (local.set $p (i32.add (local.get $p) (i32.const 16)))
        (local.set $g (i32.add (local.get $g) (i32.const 16)))
        (local.set $m (i32.add (local.get $m) (i32.const 16)))
        (local.set $v (i32.add (local.get $v) (i32.const 16)))
        (br $four))))

  ;; The sum of squares from $x to $end, in float64.
  (func (export "squares") (param $x i32) (param $end i32) (result f64)
    (local $values v128) (local $low v128) (local $high v128) (local $sum v128)
    (local.set $sum (v128.const f64x2 0 0))
    (block $done
      (loop $four
        (br_if $done (i32.ge_u (local.get $x) (local.get $end)))
        (local.set $values (v128.load (local.get $x)))
        (local.set $low (f64x2.promote_low_f32x4 (local.get $values)))
        (local.set $high (f64x2.promote_low_f32x4
          (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $values) (local.get $values))))
        (local.set $sum (f64x2.add (local.get $sum) (f64x2.add
          (f64x2.mul (local.get $low) (local.get $low)) (f64x2.mul (local.get $high) (local.get $high)))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (br $four)))
    (f64.add (f64x2.extract_lane 0 (local.get $sum)) (f64x2.extract_lane 1 (local.get $sum))))

  ;; Multiplies the values from $x to $end.
  (func (export "scale") (param $x i32) (param $end i32) (param $factor f32)
    (block $done
      (loop $four
        (br_if $done (i32.ge_u (local.get $x) (local.get $end)))
        (v128.store (local.get $x) (f32x4.mul (v128.load (local.get $x)) (f32x4.splat (local.get $factor))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (br $four))))

  ;; Moves the values from $average to $end towards those at $x: average = average * $keep + x * $rest.
  (func (export "blend") (param $average i32) (param $end i32) (param $x i32) (param $keep f32) (param $rest f32)
    (block $done
      (loop $four
        (br_if $done (i32.ge_u (local.get $average) (local.get $end)))
        (v128.store (local.get $average) (f32x4.add
          (f32x4.mul (v128.load (local.get $average)) (f32x4.splat (local.get $keep)))
          (f32x4.mul (v128.load (local.get $x)) (f32x4.splat (local.get $rest)))))
        (local.set $average (i32.add (local.get $average) (i32.const 16)))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (br $four))))

  ;; Keeps the values from $x to $end in [$low, $high].
  (func (export "clamp") (param $x i32) (param $end i32) (param $low f32) (param $high f32)
    (block $done
      (loop $four
        (br_if $done (i32.ge_u (local.get $x) (local.get $end)))
        (v128.store (local.get $x) (f32x4.min (f32x4.max (v128.load (local.get $x)) (f32x4.splat (local.get $low))) (f32x4.splat (local.get $high))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (br $four))))
)
