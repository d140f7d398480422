using System.Runtime.CompilerServices;

namespace Lorikeet.Models.Text.Templates;

/// <summary>Refuses to go deeper where the thread's stack is nearly used up.</summary>
internal static class StackGuard
{
    public static void Check()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw Raise.Limit("values or expressions are nested too deeply");
        }
    }
}
