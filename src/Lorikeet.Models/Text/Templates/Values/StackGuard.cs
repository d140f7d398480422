using System.Runtime.CompilerServices;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Bounds how deep values and expressions may lie inside each other.</summary>
internal static class StackGuard
{
    /// <summary>The most values inside each other that are printed or compared; Python stops near twice as many.</summary>
    private const int MostNesting = 500;

    /// <summary>Refuses to go deeper where the thread's stack is nearly used up.</summary>
    public static void Check()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw TooDeep();
        }
    }

    /// <summary>Refuses values that lie deeper inside each other than any thread's stack is asked to hold.</summary>
    public static void Check(int nesting)
    {
        Budget.Spend();
        if (nesting > MostNesting)
        {
            throw TooDeep();
        }
        Check();
    }

    private static TemplateException TooDeep() => Raise.Limit("values or expressions are nested too deeply");
}
