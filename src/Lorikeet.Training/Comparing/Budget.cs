using System.Globalization;

namespace Lorikeet.Training;

/// <summary>What all methods of a comparison get the same of.</summary>
public enum BudgetKind
{
    /// <summary>Tokens to train on.</summary>
    Tokens,

    /// <summary>Seconds of training.</summary>
    Seconds,

    /// <summary>Numbers that train, at most; steps are equal too.</summary>
    Parameters,
}

/// <summary>A budget.</summary>
/// <param name="Kind">Of what.</param>
/// <param name="Amount">How much; null: what the steps or epochs of the settings come to.</param>
public sealed record Budget(BudgetKind Kind, double? Amount)
{
    /// <summary>Reads <c>tokens</c>, <c>tokens=200000</c>, <c>seconds=60</c>, <c>parameters=100000</c>.</summary>
    /// <param name="text">The text.</param>
    /// <exception cref="ArgumentException">It is not of this form.</exception>
    public static Budget Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split('=', 2);
        double amount = 0;
        if (!Enum.TryParse(parts[0], ignoreCase: true, out BudgetKind kind) || char.IsAsciiDigit(parts[0][0])
            || (parts.Length > 1 && !(double.TryParse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture, out amount) && amount > 0 && double.IsFinite(amount))))
        {
            throw new ArgumentException($"budget {text} is not tokens, tokens=N, seconds=N or parameters=N");
        }
        return parts.Length > 1 || kind == BudgetKind.Tokens
            ? new Budget(kind, parts.Length > 1 ? amount : null)
            : throw new ArgumentException($"budget {text} has no amount: write {parts[0]}=N");
    }

    /// <inheritdoc/>
    public override string ToString() => Kind.ToString().ToLowerInvariant() + (Amount is { } amount ? "=" + amount.ToString("R", CultureInfo.InvariantCulture) : "");
}
