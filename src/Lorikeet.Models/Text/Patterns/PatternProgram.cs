namespace Lorikeet.Models.Text.Patterns;

/// <summary>What a step of a compiled pattern does.</summary>
internal enum Operation
{
    /// <summary>One character of set A.</summary>
    Set,

    /// <summary>Characters of set A, from B to C of them; as many as there are, then fewer.</summary>
    Greedy,

    /// <summary>As many characters of set A as there are, from B to C, and no fewer.</summary>
    Possessive,

    /// <summary>Characters of set A, from B to C of them; as few as may be, then more.</summary>
    Lazy,

    /// <summary>Goes on at A.</summary>
    Jump,

    /// <summary>Goes on at A; if that fails, at B.</summary>
    Split,

    /// <summary>Keeps the place in register A.</summary>
    Save,

    /// <summary>Goes on at B where the place is still that in register A: an empty round ends a loop.</summary>
    LeaveIfEmpty,

    /// <summary>Is at a place of kind A.</summary>
    Anchor,

    /// <summary>The steps behind it match, ahead or behind (C: shortest, longest), or do not; then goes on at A. B: 1 behind, 2 negative.</summary>
    Look,

    /// <summary>The steps behind it match, and are not tried another way; then goes on at A.</summary>
    Atomic,

    /// <summary>Is where the look behind ends.</summary>
    EndOfLook,

    /// <summary>What group A matched; B: 1 ignores case.</summary>
    BackReference,

    /// <summary>A match.</summary>
    Accept,
}

/// <summary>One step.</summary>
/// <param name="Operation">What it does.</param>
/// <param name="A">See <see cref="Operation"/>.</param>
/// <param name="B">See <see cref="Operation"/>.</param>
/// <param name="C">See <see cref="Operation"/>.</param>
/// <param name="D">The longest look behind.</param>
internal readonly record struct Step(Operation Operation, int A = 0, int B = 0, int C = 0, int D = 0);

/// <summary>A compiled pattern.</summary>
/// <param name="Steps">The steps.</param>
/// <param name="Sets">The sets they name.</param>
/// <param name="Registers">How many places it keeps: two for each group, one for each loop.</param>
/// <param name="First">What every match begins with; null where it may be empty or anything.</param>
internal sealed record PatternProgram(Step[] Steps, CharacterSet[] Sets, int Registers, CharacterSet? First);
