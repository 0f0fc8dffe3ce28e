// What the type checker puts around a processor that its author has given no type. Nothing of this exists at run time.

/** Of an initial state; the processor follows in a second call, so that its state's type is known by then. */
declare function millraceProcessor(): (
  processor: import("millrace").Processor,
) => import("millrace").Processor;
declare function millraceProcessor<Initial>(initial: Initial): (
  processor: import("millrace").Processor<import("millrace").Filled<Initial>>,
) => import("millrace").Processor<import("millrace").Filled<Initial>>;

/** Where the initial state's text cannot be told. */
declare function millraceDefinition<Initial = import("millrace").UntypedState>(
  processor: import("millrace").Definition<Initial>,
): import("millrace").Processor<import("millrace").Filled<Initial>>;

/** Takes whatever the host takes as a processor. */
declare function millraceConforms(
  processor: import("millrace").Processor<any> | (() => import("millrace").Processor<any>),
): void;
