namespace Lorikeet.Server;

/// <summary>The strongly connected components of a graph, by Tarjan's algorithm with a stack of its own: graphs come from clients.</summary>
internal static class StrongComponents
{
    /// <summary>By node the number of its component; two nodes that reach each other have the same.</summary>
    /// <param name="count">Number of nodes.</param>
    /// <param name="next">The nodes that a node leads to.</param>
    public static int[] Of(int count, Func<int, IEnumerable<int>> next)
    {
        int[] order = new int[count], low = new int[count], component = new int[count];
        Array.Fill(component, -1);
        int visited = 0, components = 0;
        Stack<int> members = [];
        Stack<(int Node, IEnumerator<int> Next)> path = [];
        for (int start = 0; start < count; start++)
        {
            if (order[start] != 0)
            {
                continue;
            }
            Enter(start);
            while (path.TryPeek(out (int Node, IEnumerator<int> Next) top))
            {
                int node = top.Node;
                if (top.Next.MoveNext())
                {
                    int other = top.Next.Current;
                    if (order[other] == 0)
                    {
                        Enter(other);
                    }
                    else if (component[other] < 0)
                    {
                        low[node] = Math.Min(low[node], order[other]);
                    }
                    continue;
                }
                path.Pop();
                if (path.TryPeek(out (int Node, IEnumerator<int> Next) above))
                {
                    low[above.Node] = Math.Min(low[above.Node], low[node]);
                }
                if (low[node] == order[node])
                {
                    int member;
                    do
                    {
                        member = members.Pop();
                        component[member] = components;
                    }
                    while (member != node);
                    components++;
                }
            }
        }
        return component;

        void Enter(int node)
        {
            order[node] = low[node] = ++visited;
            members.Push(node);
            path.Push((node, next(node).GetEnumerator()));
        }
    }
}
