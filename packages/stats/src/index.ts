export type {
  Alternative,
  Measure,
  Outcome,
  TestOutcome,
  Undefined,
  UndefinedReason,
} from './outcome.ts'
export type { Numbers } from './samples.ts'
export { createRng } from './random.ts'
export type { Rng } from './random.ts'

export { logBeta, logChoose, logGamma } from './special/gamma.ts'
export { gammaP, gammaQ } from './special/incomplete-gamma.ts'
export { betaI, betaQuantile } from './special/incomplete-beta.ts'
export { erf, erfc, normalCdf, normalQuantile, normalSf } from './special/normal.ts'
export {
  chi2Cdf,
  chi2Sf,
  fCdf,
  fSf,
  studentTCdf,
  studentTQuantile,
  studentTSf,
} from './special/distributions.ts'
export { kolmogorovOneSampleSf, kolmogorovSf } from './special/kolmogorov.ts'

export { kolmogorovSmirnov, kolmogorovSmirnovPValue } from './two-sample/kolmogorov-smirnov.ts'
export type { KsOptions } from './two-sample/kolmogorov-smirnov.ts'
export { mannWhitney } from './two-sample/mann-whitney.ts'
export type { MannWhitneyOptions, MannWhitneyOutcome } from './two-sample/mann-whitney.ts'

export { studentTTest, welchTTest } from './two-sample/t-test.ts'
export type { TTestOptions, TTestOutcome } from './two-sample/t-test.ts'
export { cramerVonMises } from './two-sample/cramer-von-mises.ts'
export type { CvmOptions } from './two-sample/cramer-von-mises.ts'
export { andersonDarling } from './two-sample/anderson-darling.ts'
export type { AndersonDarlingOutcome } from './two-sample/anderson-darling.ts'
export { eppsSingleton } from './two-sample/epps-singleton.ts'
export { kernelDiscrepancy } from './two-sample/kernel-discrepancy.ts'
export type { KernelOptions } from './two-sample/kernel-discrepancy.ts'
export { spearman } from './two-sample/rank-correlation.ts'

export { domainClassifierDrift, textDomainDrift } from './domain/domain-classifier.ts'
export type { DomainOptions, DomainOutcome } from './domain/domain-classifier.ts'
export { hashedNgrams } from './domain/hashed-ngrams.ts'

export { goodnessOfFit } from './categorical/goodness-of-fit.ts'
export { barnardExact, fisherExact, twoProportionZ } from './categorical/two-proportions.ts'
export type { TwoByTwo } from './categorical/two-proportions.ts'
export { chiSquareContingency, gTest } from './categorical/contingency.ts'
export type { ContingencyOutcome, Counts } from './categorical/contingency.ts'
export { mcNemar } from './categorical/mcnemar.ts'
export { clopperPearsonInterval, wilsonInterval } from './categorical/proportion-interval.ts'
export type { IntervalOutcome } from './categorical/proportion-interval.ts'

export {
  hellingerDistance,
  jensenShannonDistance,
  kullbackLeibler,
  lInfinity,
  totalVariation,
} from './distance/divergence.ts'
export type { LogBase } from './distance/divergence.ts'
export {
  energyDistance,
  normalisedWasserstein,
  wassersteinDistance,
} from './distance/sample-distance.ts'
export { histogramEdges } from './distance/histogram-edges.ts'
export type { EdgeRule } from './distance/histogram-edges.ts'
export { countBins, quantileBins } from './distance/bins.ts'
export type { BinnedCounts, Bins } from './distance/bins.ts'
export { populationStability, psiOfCounts } from './distance/population-stability.ts'
export type { PsiOptions, PsiOutcome } from './distance/population-stability.ts'

export { benjaminiHochberg, benjaminiYekutieli, bonferroni } from './multiple/adjust.ts'

export {
  confidenceSequence,
  meanDifferenceSequence,
  relativeDifferenceSequence,
} from './sequential/confidence-sequence.ts'
export type {
  EffectEstimate,
  MeanSummary,
  SequenceOptions,
  SequenceOutcome,
} from './sequential/confidence-sequence.ts'
export { proportionDifferenceSequence } from './sequential/proportion-sequence.ts'
export type {
  ProportionCounts,
  ProportionSequenceOptions,
} from './sequential/proportion-sequence.ts'
export { mixtureRatioTest } from './sequential/mixture-ratio.ts'
export type { MixtureRatioOutcome } from './sequential/mixture-ratio.ts'
export { startSampleRatio, updateSampleRatio } from './sequential/sample-ratio.ts'
export type { SampleRatioOutcome, SampleRatioState } from './sequential/sample-ratio.ts'

export type { Detector, Signal } from './detectors/detector.ts'
export { createAdwin } from './detectors/adwin.ts'
export type { Adwin, AdwinOptions, AdwinState } from './detectors/adwin.ts'
export { createDdm } from './detectors/ddm.ts'
export type { DdmOptions, DdmState } from './detectors/ddm.ts'
export { createEddm } from './detectors/eddm.ts'
export type { EddmOptions, EddmState } from './detectors/eddm.ts'
export { createHddmW } from './detectors/hddm-w.ts'
export type { HddmWOptions, HddmWState } from './detectors/hddm-w.ts'
export { createKswin } from './detectors/kswin.ts'
export type { KswinOptions, KswinState } from './detectors/kswin.ts'
export { createHddmA } from './detectors/hddm-a.ts'
export type { HddmAOptions, HddmAState } from './detectors/hddm-a.ts'
export { createPageHinkley } from './detectors/page-hinkley.ts'
export type { PageHinkleyOptions, PageHinkleyState } from './detectors/page-hinkley.ts'

export { createDdSketch, ddSketchFromJSON } from './sketches/ddsketch.ts'
export type { DdSketch, DdSketchState } from './sketches/ddsketch.ts'
export { createFrequentItems, frequentItemsFromJSON } from './sketches/frequent-items.ts'
export type { FrequentItem, FrequentItems, FrequentItemsState } from './sketches/frequent-items.ts'
export { createHyperLogLog, hyperLogLogFromJSON } from './sketches/hyperloglog.ts'
export type { HyperLogLog, HyperLogLogState } from './sketches/hyperloglog.ts'
export { kolmogorovSmirnovOfSketches } from './sketches/kll-distance.ts'
export type { SketchKsOutcome } from './sketches/kll-distance.ts'
export type { JsonNumber } from './sketches/json-numbers.ts'
export { createKll, kllFromJSON, kllRankError } from './sketches/kll.ts'
export type { Kll, KllState, WeightedValues } from './sketches/kll.ts'
export { createMoments, mergeMoments } from './sketches/moments.ts'
export type { Moments, MomentsState } from './sketches/moments.ts'

export { fitIsotonic, isotonicAt } from './estimation/isotonic.ts'
export type { Isotonic } from './estimation/isotonic.ts'
export {
  calibrate,
  expectedErrors,
  expectedPerformance,
  fitCalibrator,
} from './estimation/confidence-based.ts'
export type { Calibrator, ExpectedPerformance } from './estimation/confidence-based.ts'
export { fitBoostedTrees } from './estimation/boosted-trees.ts'
export type { BoostedTrees, BoostedTreesOptions } from './estimation/boosted-trees.ts'
export { fitLossEstimator } from './estimation/direct-loss.ts'
export type { LossColumn, LossEstimator } from './estimation/direct-loss.ts'
export { averagePrecisionAt, ndcgAt } from './ranking/ranking-quality.ts'
