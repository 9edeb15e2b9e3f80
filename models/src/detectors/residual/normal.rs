//! The quantiles of the standard normal distribution.

/// Below this tail probability the normal score stays what it is there, about 37.
const SMALLEST: f64 = 1e-300;

/// Coefficients of numerator and denominator, from the constant term on.
type Ratio = ([f64; 8], [f64; 8]);

const CENTRE: Ratio = (
    [
        3.387_132_872_796_366_6,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_596,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_545,
    ],
);
const FLANK: Ratio = (
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
);
const TAIL: Ratio = (
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
);

fn ratio((above, below): &Ratio, x: f64) -> f64 {
    let polynomial = |terms: &[f64; 8]| terms.iter().rev().fold(0.0, |sum, term| sum * x + term);
    polynomial(above) / polynomial(below)
}

/// The value that a standard normal variable exceeds with `probability`; relative error about 1e-16 (M. Wichura, Algorithm
/// AS 241, Applied Statistics 37, 1988). Probabilities below 1e-300 are taken for it.
pub(super) fn upper_quantile(probability: f64) -> f64 {
    let central = 0.5 - probability;
    if central.abs() <= 0.425 {
        return central * ratio(&CENTRE, 0.180_625 - central * central);
    }
    let tail = probability.min(1.0 - probability).max(SMALLEST);
    let root = (-tail.ln()).sqrt();
    let size = if root <= 5.0 {
        ratio(&FLANK, root - 1.6)
    } else {
        ratio(&TAIL, root - 5.0)
    };
    size.copysign(central)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (probability, expected) in [
            (0.5, 0.0),
            (0.1, 1.281_551_565_544_600_5),
            (0.975, -1.959_963_984_540_054),
            (0.001, 3.090_232_306_167_813_5),
            (1e-20, 9.262_340_089_798_408),
            (1e-200, 30.205_594_179_208_857),
        ] {
            let found = upper_quantile(probability);
            assert!((found - expected).abs() < 1e-9, "{probability}: {found}, {expected}");
        }
        assert!(upper_quantile(0.0) > 37.0 && upper_quantile(0.0).is_finite());
    }
}
